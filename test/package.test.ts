import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const checkout = join(import.meta.dirname, "..");
const { PATH: searchPath = "" } = process.env;
const folder = mkdtempSync(join(tmpdir(), "ihc-package-"));
/** npm and the installed command find the Node that runs this test. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${searchPath}`, HOME: folder };
const limits = { env, timeout: 240_000, maxBuffer: 16 << 20 };

const oldNode = findOldNode();
const skip = oldNode === undefined && "no Node below 24 on PATH";

before(async () => {
  await run("npm", ["pack", "--pack-destination", folder], { ...limits, cwd: checkout });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  const install = [
    "install",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--prefix",
    folder,
    join(folder, tarball),
  ];
  await run("npm", install, { ...limits, cwd: folder });
});
after(() => rmSync(folder, { recursive: true, force: true }));

const installed = (...args: string[]) =>
  run(process.execPath, [join(folder, "node_modules/ihc/bin/ihc.js"), ...args], { ...limits, cwd: folder });

test("the package installs with production dependencies only and says its version", async () => {
  const { stdout } = await installed("--version");
  assert.match(stdout, /^\d+\.\d+\.\d+/);
});

test("the installed package writes a starter configuration that reads as valid", async () => {
  await installed("gateway", "init", join(folder, "gateway"));
  const files = readdirSync(join(folder, "gateway")).sort();
  assert.ok(files.includes("ihc.yaml") && files.includes("policy"), files.join(" "));
  const config = join(folder, "gateway/ihc.yaml");
  const checked = await installed("gateway", "check", "--config", config, "--offline");
  assert.match(checked.stdout, /are valid/);
});

test("the package carries the compiled program, completions and no sources or tests", async () => {
  const files = readdirSync(join(folder, "node_modules/ihc")).sort();
  assert.ok(files.includes("dist") && files.includes("completions"), files.join(" "));
  assert.ok(!files.includes("src") && !files.includes("test"), files.join(" "));
});

test("an old Node hands over to the Node that the checkout brings", { skip }, async () => {
  const { stdout } = await run(oldNode ?? "", [join(checkout, "bin/ihc.js"), "--version"], limits);
  assert.match(stdout, /^\d+\.\d+\.\d+/);
});

test("an old Node without a newer one beside it says which Node is needed", { skip }, async () => {
  const failed = run(oldNode ?? "", [join(folder, "node_modules/ihc/bin/ihc.js"), "--version"], limits);
  await assert.rejects(failed, /needs Node 24 or newer/);
});

/** A Node on PATH that is older than ihc needs. */
function findOldNode(): string | undefined {
  return searchPath
    .split(delimiter)
    .map((part) => join(part, "node"))
    .find((node) => {
      const said = spawnSync(node, ["--version"], { encoding: "utf8", timeout: 10_000 }).stdout;
      return Number(/^v(\d+)/.exec(said ?? "")?.[1] ?? 24) < 24;
    });
}
