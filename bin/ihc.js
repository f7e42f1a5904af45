#!/usr/bin/env node
// Parsed by whatever Node calls it, so nothing newer than Node 12.17 here: hand over to a fitting Node, or say which is needed.
import { existsSync, lstatSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";

const least = 24;
const here = new URL("..", import.meta.url);

if (Number(process.versions.node.split(".")[0]) >= least) void run();
else void handOver();

async function run() {
  const cache = cacheFolder();
  if (cache !== undefined) (await import("node:module")).enableCompileCache(cache);
  // A checkout runs its sources; the published package carries no sources.
  const source = new URL("src/cli/main.ts", here);
  await import((existsSync(source) ? source : new URL("dist/cli/main.js", here)).href);
}

/**
 * Where Node keeps compiled code, so that commands start fast. Node's own choice is a folder below /tmp with a name that
 * anybody can foresee and fill with code of theirs; ours is used only if nobody else can write to it, else there is none.
 */
function cacheFolder() {
  if (process.getuid === undefined || process.env.NODE_DISABLE_COMPILE_CACHE !== undefined) return undefined;
  const { HOME, XDG_CACHE_HOME } = process.env;
  const home = HOME !== undefined && isAbsolute(HOME) ? HOME : homedir();
  const base =
    XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(home, ".cache");
  const folder = join(base, "ihc");
  try {
    for (const path of [base, folder]) if (!existsSync(path)) mkdirSync(path, { mode: 0o700 });
    return isOurs(base, 0o022) && isOurs(folder, 0o077) ? folder : undefined;
  } catch {
    return undefined; // A home that cannot be written to only starts slower.
  }
}

function isOurs(folder, closed) {
  const found = lstatSync(folder);
  return found.isDirectory() && found.uid === process.getuid() && (found.mode & closed) === 0;
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
    if (signal === null) process.exit(code === null ? 1 : code);
    else process.kill(process.pid, signal);
  });
}
