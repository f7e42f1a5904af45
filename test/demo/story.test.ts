import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startCli } from "../support/cli.ts";

test("ihc demo --script plays the whole story, exits 0 and leaves nothing behind", () =>
  inFolder(async (folder) => {
    const demo = startCli(["demo", "--script"], environmentIn(folder));
    const code = await demo.ended(60_000);
    assert.equal(code, 0, demo.output());
    for (const told of [
      /Logged in as ana@acme\.io/,
      /a\*\*\*@\*\*\*\.io/,
      /UPDATE 1/,
      /denied by rule no-unbounded-delete/,
    ])
      assert.match(demo.stdout(), told);
    assert.deepEqual(readdirSync(folder), []);
  }));

test("ihc demo tells what to try, and Ctrl-C or SIGTERM at any time ends it without a trace", () =>
  inFolder(async (folder) => {
    for (const [signal, moment] of [
      ["SIGINT", /Ctrl-C ends the demo/],
      ["SIGTERM", /starting PostgreSQL/],
    ] as const) {
      const demo = startCli(["demo"], environmentIn(folder));
      await demo.until(moment);
      await demo.end(signal);
      assert.deepEqual(readdirSync(folder), [], signal);
    }
  }));

test("when a part dies the demo says which, ends with an error and still leaves nothing", () =>
  inFolder(async (folder) => {
    const demo = startCli(["demo"], environmentIn(folder));
    await demo.until(/Ctrl-C ends the demo/);
    const processes = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
    const gateway = processes.find((line) => line.includes(`gateway --config ${folder}/`));
    assert.ok(gateway);
    process.kill(Number.parseInt(gateway, 10), "SIGKILL");
    assert.equal(await demo.ended(), 1);
    assert.match(demo.stderr(), /the gateway has ended by itself/);
    assert.deepEqual(readdirSync(folder), []);
  }));

/** Whatever the demo writes lies in this folder; Node's own cache of compiled code is not the demo's. */
function environmentIn(folder: string): { env: Record<string, string> } {
  return { env: { TMPDIR: folder, HOME: folder, NODE_DISABLE_COMPILE_CACHE: "1" } };
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "d-"));
  chmodSync(folder, 0o711); // PostgreSQL may have to run as another user.
  try {
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
