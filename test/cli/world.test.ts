import assert from "node:assert/strict";
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

test("psql in another terminal finds the session by the target's name", { timeout: 60_000 }, async () => {
  const { running, client } = await world.connect("ana", { approver: "lee" });
  assert.ok(client.psql !== undefined, "this test needs psql");
  const { PGSERVICEFILE: _file, PGPASSFILE: _pass, ...plain } = client.environment;
  const { start } = await import("../../src/demo/run.ts");
  const environment = Object.fromEntries(Object.entries(plain).filter(([name]) => !name.startsWith("PG")));
  const psql = start(client.psql, ["service=prod-db", "-X", "-w", "-Atc", "select email from customers where id = 7"], { env: environment });
  assert.equal(await psql.ended(), 0, psql.output());
  assert.equal(psql.stdout().trim(), "a***@***.io");
  await running.end();
});

test("a hostile target name typed for completion stays a word", { timeout: 20_000 }, async () => {
  const shown = world.as("ana", "__complete", "connect", "");
  assert.equal(await shown.ended(), 0);
  assert.match(shown.stdout(), /^prod-db\tpostgres\n$/);
});
