import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ihc } from "../support/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "ihc-bin-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("compiled code is kept in a folder of our own, never in the machine's temporary one", () => {
  const home = newHome();
  const temporary = join(home, "tmp");
  mkdirSync(temporary);
  run(home, { TMPDIR: temporary });
  assert.equal(statSync(join(home, ".cache/ihc")).mode & 0o777, 0o700);
  assert.ok(!existsSync(join(temporary, "node-compile-cache")));
});

test("a cache folder that others can write to, or that is a link, is not used", () => {
  const open = newHome();
  mkdirSync(join(open, ".cache/ihc"), { recursive: true });
  chmodSync(join(open, ".cache/ihc"), 0o777);
  const link = newHome();
  const elsewhere = newHome();
  mkdirSync(join(link, ".cache"));
  symlinkSync(elsewhere, join(link, ".cache/ihc"));
  const below = newHome();
  mkdirSync(join(below, ".cache"));
  chmodSync(join(below, ".cache"), 0o777);
  for (const home of [open, link, below]) {
    run(home, {});
    assert.deepEqual(filesIn(join(home, ".cache/ihc")), []);
  }
  assert.deepEqual(filesIn(elsewhere), []);
});

test("a home that cannot be written to is no obstacle", () => {
  assert.match(run("/proc/nowhere", {}), /^\d+\.\d+\.\d+/);
});

function newHome(): string {
  return mkdtempSync(join(folder, "home-"));
}

function run(home: string, more: Record<string, string>): string {
  const [program, ...args] = ihc;
  return execFileSync(program, [...args, "--version"], {
    encoding: "utf8",
    env: { HOME: home, PATH: "/usr/bin:/bin", ...more },
    timeout: 30_000,
  });
}

function filesIn(path: string): string[] {
  return execFileSync("find", ["-L", path, "-type", "f"], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}
