import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { startWorld, type World } from "../support/world.ts";
import { play } from "./transcript.ts";

let world: World;
before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee", "sam");
});
after(() => world.stop());

const folder = new URL("./world/", import.meta.url);
for (const name of readdirSync(folder).filter((file) => file.endsWith(".txt")))
  test(`transcript ${name}`, { timeout: 110_000 }, async () => {
    await play(new URL(name, folder), async (args, person = "ana") => {
      const running = world.as(person, ...args);
      const code = await running.ended();
      return { code, stdout: running.stdout(), stderr: running.stderr() };
    });
  });

test("a hostile target name typed for completion stays a word", { timeout: 20_000 }, async () => {
  const shown = world.as("ana", "__complete", "connect", "");
  assert.equal(await shown.ended(), 0);
  assert.match(shown.stdout(), /^prod-db\tpostgres\n$/);
});

test("on a terminal a risky approval asks for the target's name, and nothing else will do", {
  timeout: 90_000,
}, async () => {
  const asked = world.as("ana", "request", "prod-db", "--reason", "\u001b[2Jall fine");
  assert.equal(await asked.ended(), 0, asked.output());
  const [request = ""] = /req_[0-9A-Z]+/.exec(asked.stdout()) ?? [];
  const wrong = await onTerminal(["approve", request], "yes");
  assert.ok(!wrong.output.includes("\u001b[2Jall fine"));
  assert.match(wrong.output, /! the reason holds control or invisible characters/);
  assert.match(wrong.output, /nothing was (approved|decided)/);
  assert.equal(wrong.code, 2);
  const right = await onTerminal(["approve", request], "prod-db");
  assert.match(right.output, new RegExp(`${request} approved`));
  assert.equal(right.code, 0);
});

test("psql in another terminal finds the session by the target's name", { timeout: 60_000 }, async () => {
  const { running, client } = await world.connect("ana", {});
  assert.ok(client.psql !== undefined, "this test needs psql");
  const { PGSERVICEFILE: _file, PGPASSFILE: _pass, ...plain } = client.environment;
  const { start } = await import("../../src/demo/run.ts");
  const environment = Object.fromEntries(Object.entries(plain).filter(([name]) => !name.startsWith("PG")));
  const psql = start(
    client.psql,
    ["service=prod-db", "-X", "-w", "-Atc", "select email from customers where id = 7"],
    { env: environment },
  );
  assert.equal(await psql.ended(), 0, psql.output());
  assert.equal(psql.stdout().trim(), "a***@***.io");
  await running.end();
});

/** Types the answer, blind to what was asked, at a real pseudo-terminal (util-linux script). */
async function onTerminal(
  args: readonly string[],
  answer: string,
): Promise<{ code: number; output: string }> {
  const [program, ...first] = world.ihc;
  const command = [program, ...first, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    env: { ...world.home.environment("lee"), TERM: "xterm", IHC_NO_INPUT: "", CI: "" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  let typed = false;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (!typed && /to approve:|exactly this\?/.test(output)) {
      typed = true;
      child.stdin.write(`${answer}\r`);
    }
  });
  const late = setTimeout(() => child.kill("SIGKILL"), 40_000);
  const [code] = await once(child, "close");
  clearTimeout(late);
  return { code: Number(code), output };
}
