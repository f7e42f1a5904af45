import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const timeout = 30_000;

async function process(fault: string): Promise<{ code: unknown; said: string }> {
  const main = new URL("./support/process.ts", import.meta.url);
  const child = spawn(globalThis.process.execPath, [fileURLToPath(main), fault], {
    stdio: ["ignore", "pipe", "ignore"],
    signal: AbortSignal.timeout(timeout - 2000),
    killSignal: "SIGKILL",
  });
  let said = "";
  child.stdout.on("data", (chunk) => {
    said += String(chunk);
    if (fault === "rejection" && said.includes("nobody waited for it")) child.kill("SIGTERM");
  });
  const [code] = await once(child, "close");
  return { code, said };
}

test("a rejection that nobody waits for is logged, and the gateway goes on until it is told to stop", {
  timeout,
}, async () => {
  const { code, said } = await process("rejection");
  assert.match(said, /"level":50.*nobody waited for it/);
  assert.doesNotMatch(said, /what went wrong/);
  assert.equal(code, 0);
});

test("an error that nobody caught stops the gateway in order, with a code that is not zero", {
  timeout,
}, async () => {
  const { code, said } = await process("error");
  assert.match(said, /"level":60.*the gateway stops/);
  assert.match(said, /"msg":"stopping"/);
  assert.match(said, /IhcError internal/);
  assert.equal(code, 1);
});
