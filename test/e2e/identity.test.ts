import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../src/demo/sql.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;

before(async () => {
  world = await startWorld({ accessTokenLife: 4 });
});
after(() => world.stop());

test("whoami without a login ends with code 4 and says what to do", async () => {
  const running = await world.does("ana", ["whoami"], 4);
  assert.match(running.stderr(), /hint: .*ihc login/);
  assert.equal(running.stdout(), "");
});

test("commands started together on an ended token all succeed, and nobody is logged out by the rotation", async () => {
  await world.logIn("ana");
  for (let round = 0; round < 2; round += 1) {
    await sleep(4000);
    const all = await Promise.all(Array.from({ length: 5 }, () => world.does("ana", ["whoami", "--json"])));
    for (const running of all) assert.match(running.stdout(), /"name":"ana@acme\.io"/);
  }
  assert.ok((world.idp.issued.get("refresh_token") ?? 0) >= 2);
});

test("whoami shows groups and key binding as the gateway sees them", async () => {
  const { stdout } = await world.does("ana", ["whoami", "--json"]);
  const seen = JSON.parse(stdout()) as Record<string, unknown>;
  assert.deepEqual([seen["groups"], seen["key_bound"]], [["oncall", "sre"], true]);
});

test("a connection outlives many access tokens", async () => {
  await world.logIn("lee");
  const connection = await world.connect("ana", { approver: "lee" });
  await sleep(5000);
  assert.match((await ask(connection.client, "select 40 + 2 as answer").done).output, /42/);
  await connection.running.end("SIGINT");
});

test("logout revokes, and the next command asks for a login", async () => {
  await world.does("ana", ["logout"]);
  await world.does("ana", ["targets"], 4);
});
