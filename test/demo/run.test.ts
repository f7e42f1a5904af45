import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { test } from "node:test";
import { makeHome } from "../../src/demo/home.ts";
import { start } from "../../src/demo/run.ts";

const env = { PATH: "/usr/bin:/bin" };

test("a command's output is waited for, and its exit code is told as a shell would", async () => {
  const running = start("sh", ["-c", "echo one; echo two >&2; exit 7"], { env });
  const [, word] = await running.until(/(two)/);
  assert.equal(word, "two");
  assert.equal(await running.ended(), 7);
  assert.deepEqual([running.stdout(), running.stderr()], ["one\n", "two\n"]);
  const killed = start("sh", ["-c", "kill -TERM $$"], { env });
  assert.equal(await killed.ended(), 143);
});

test("waiting ends with an error when the command ends, stays silent or does not exist", async () => {
  await assert.rejects(start("sh", ["-c", "echo no"], { env }).until(/yes/), { code: "unavailable" });
  const silent = start("sleep", ["20"], { env });
  await assert.rejects(silent.until(/yes/, 50), { code: "unavailable" });
  await assert.rejects(silent.ended(50), { code: "unavailable" });
  await assert.rejects(start("/nonexistent/program", [], { env }).ended());
});

test("each person has a closed home, and their script runs commands in it", () => {
  const home = makeHome(["/bin/echo", "ihc with 'quotes'"], { PATH: "/usr/bin:/bin", SECRET_OF_MINE: "x" });
  try {
    const run = (person: string, ...args: string[]) =>
      spawnSync(home.script(person), args, { encoding: "utf8" }).stdout;
    const anas = run("ana", "sh", "-c", "echo $XDG_STATE_HOME").trim();
    assert.match(anas, /people\/ana\/state$/);
    assert.notEqual(run("lee", "sh", "-c", "echo $XDG_STATE_HOME").trim(), anas);
    assert.equal(statSync(anas).mode & 0o777, 0o700);
    assert.equal(run("sam", "ihc", "whoami"), "ihc with 'quotes' whoami\n");
    assert.equal(home.environment("ana")["SECRET_OF_MINE"], undefined);
  } finally {
    home.remove();
  }
  assert.ok(!existsSync(home.folder));
});
