import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { serveReplay } from "../../src/web/replay.ts";

const browserPath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));

test("a real browser plays the recording within the page's own policy", {
  skip: browserPath === undefined,
  timeout: 60_000,
}, async () => {
  const cast =
    '{"version":3,"term":{"cols":40,"rows":6}}\n[0.0,"o","hello from ses_1\\r\\n"]\n[0.1,"o","done\\r\\n"]\n';
  const server = await serveReplay({
    title: "ses_1",
    facts: [["target", "prod-db"]],
    casts: [{ title: "", cast }],
    log: [],
  });
  const browser = await chromium.launch({ executablePath: browserPath ?? "", args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(server.url.href);
    assert.equal(await page.title(), "ses_1");
    await page.click(".player");
    await page
      .waitForFunction(
        'document.querySelector(".ap-term")?.textContent.includes("hello from ses_1") || document.querySelector(".ap-player")?.textContent.includes("done")',
        undefined,
        { timeout: 20_000 },
      )
      .catch(async (error: unknown) => {
        throw new Error(
          `the player shows: ${await page.textContent(".player")}; console: ${complaints.join(" | ")}`,
          { cause: error },
        );
      });
    assert.deepEqual(complaints, []);
    await page.reload();
    assert.equal(await page.title(), "ses_1");
  } finally {
    await browser.close();
    await server.close();
  }
});
