import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { runCli } from "../support/cli.ts";

const run = promisify(execFile);
const home = mkdtempSync(join(tmpdir(), "ihc-complete-"));
after(() => rmSync(home, { recursive: true, force: true }));

/** Stands where a gateway would answer with hostile names: what the scripts do with lines is what is tested here. */
const hostile = ["$(touch pwned)", "`touch pwned`", "a b", "it's", "prod-db"];
const bin = join(home, "bin-ihc");
writeFileSync(
  bin,
  `#!/bin/sh\nprintf '%s\\tabout\\n' ${hostile.map((name) => `'${name.replaceAll("'", "'\\''")}'`).join(" ")}\n`,
);
chmodSync(bin, 0o755);
const script = (name: string): string => new URL(`../../completions/${name}`, import.meta.url).pathname;
const env = { PATH: `${home}:/usr/bin:/bin`, HOME: home };
const at = { cwd: home, env, timeout: 20_000 };
await run("/bin/ln", ["-sf", bin, join(home, "ihc")]);

test("in bash a hostile name is inserted quoted and runs nothing", {
  skip: !existsSync("/bin/bash"),
}, async () => {
  const commands = `source '${script("ihc.bash")}'; COMP_WORDS=(ihc connect ''); COMP_CWORD=2; _ihc_complete; for w in "\${COMPREPLY[@]}"; do eval "printf '%s\\n' $w"; done`;
  const { stdout } = await run("/bin/bash", ["--norc", "-c", commands], at);
  assert.deepEqual(stdout.trimEnd().split("\n"), hostile);
  assert.ok(!existsSync(join(home, "pwned")));
});

test("in zsh a hostile name is handed to the completion system as data", {
  skip: !existsSync("/usr/bin/zsh"),
}, async () => {
  // compadd works inside a completion only; in its place we look at what it is given.
  const commands = `compdef() { : }; compadd() { for v in "\${values[@]}"; do print -r -- "$v"; done }; source '${script("ihc.zsh")}'; words=(ihc connect ''); CURRENT=3; _ihc`;
  const { stdout } = await run("/usr/bin/zsh", ["-f", "-c", commands], at);
  assert.deepEqual(stdout.trimEnd().split("\n"), hostile);
  assert.ok(!existsSync(join(home, "pwned")));
});

test("in fish a hostile name is proposed as it is and runs nothing", {
  skip: !existsSync("/usr/bin/fish"),
}, async () => {
  const commands = `source '${script("ihc.fish")}'; complete -C 'ihc connect '`;
  const { stdout } = await run("/usr/bin/fish", ["--no-config", "-c", commands], at);
  const values = stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t")[0]);
  assert.equal(values.length, hostile.length);
  assert.ok(values.includes("prod-db"));
  assert.ok(!existsSync(join(home, "pwned")));
});

const offline = { env: { HOME: home, XDG_RUNTIME_DIR: home } };
const values = async (...words: string[]): Promise<string[]> =>
  (await runCli(["__complete", ...words], offline)).stdout
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t")[0] ?? "");

test("commands, options and fixed words are completed without a gateway", async () => {
  assert.deepEqual(await values("conn"), ["connect"]);
  assert.deepEqual(await values("profile", ""), ["list", "use", "remove", "help"]);
  assert.deepEqual(await values("connect", "--brea"), ["--break-glass"]);
  assert.deepEqual(await values("connect", "--effect", "w"), ["write"]);
  assert.deepEqual(await values("completion", "f"), ["fish"]);
});

test("after -- nothing of ours is proposed", async () => {
  assert.deepEqual(await values("connect", "prod-db", "--", "con"), [""]);
});

test("logged out, names complete to nothing and say nothing", async () => {
  const { stdout, stderr } = await runCli(["__complete", "connect", ""], offline);
  assert.deepEqual([stdout, stderr], ["", ""]);
});
