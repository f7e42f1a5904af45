#!/usr/bin/env node
// Parsed by whatever Node calls it, so nothing newer than Node 12 here: hand over to a fitting Node, or say which is needed.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const least = 24;
const here = new URL("..", import.meta.url);

if (Number(process.versions.node.split(".")[0]) >= least) await run();
else await handOver();

async function run() {
  const { enableCompileCache } = await import("node:module");
  enableCompileCache();
  // A checkout runs its sources; the published package carries no sources.
  const source = new URL("src/cli/main.ts", here);
  await import((existsSync(source) ? source : new URL("dist/cli/main.js", here)).href);
}

async function handOver() {
  const own = fileURLToPath(new URL("node_modules/node/bin/node", here));
  if (!existsSync(own)) {
    process.stderr.write(
      "ihc: error: ihc needs Node " +
        least +
        " or newer, this is " +
        process.versions.node +
        "\n" +
        "ihc: hint: install Node " +
        least +
        ", or run npm ci in the checkout, which brings one\n",
    );
    process.exit(1);
  }
  const { spawn } = await import("node:child_process");
  const child = spawn(own, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, () => child.kill(signal));
  child.on("exit", (code, signal) => {
    for (const name of signals) process.removeAllListeners(name);
    if (signal === null) process.exit(code ?? 1);
    else process.kill(process.pid, signal);
  });
}
