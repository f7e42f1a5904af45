import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, reachable } from "../../src/demo/sql.ts";
import { startWorld, type World } from "../support/world.ts";

let world: World;

before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee", "sam");
});
after(() => world.stop());

test("an orderly restart of the gateway is survived on the same port, and the person is told each step", {
  timeout: 90_000,
}, async () => {
  const { running, session, client } = await world.connect("ana", { approver: "lee" });
  assert.match((await ask(client, "select 40 + 2 as answer").done).output, /42/);
  await world.restart("SIGTERM");
  await running.until(/! the session ended: the gateway is stopping/, 30_000);
  const [, next = ""] = await running.until(/✓ (ses_[0-9A-Z]+) goes on at the same address/, 30_000);
  assert.notEqual(next, session);
  assert.match((await ask(client, "select 40 + 2 as answer").done).output, /42/);
  const [seen] = await endings(session);
  assert.deepEqual(seen, ["stopped", "the gateway is stopping"]);
  await running.end("SIGINT");
});

test("a session that an admin ended is not opened again, although its grant still stands", {
  timeout: 60_000,
}, async () => {
  const { running, session, client } = await world.connect("ana");
  const held = ask(client, "select pg_sleep(60)");
  const ended = await world.does("sam", ["sessions", "end", session]);
  assert.match(ended.stderr(), /the grant still stands; take it back with ihc revoke gra_/);
  assert.match((await held.done).output, /ended by sam@acme\.io/);
  assert.equal(await running.ended(30_000), 3);
  assert.match(running.output(), /error: ended by sam@acme\.io/);
  assert.match(running.output(), /hint: ask again: ihc connect prod-db/);
  await assert.rejects(reachable(client), "nobody listens any more");
  assert.deepEqual(await endings(session), [["killed", "ended by sam@acme.io"]]);
});

/** Code and reason of a session's end, as the API says them. */
async function endings(session: string): Promise<readonly (readonly [string, string])[]> {
  const shown = await world.does("ana", ["sessions", "--json"]);
  const { items } = JSON.parse(shown.stdout()) as {
    items: readonly { readonly id: string; readonly end_code: string; readonly end_reason: string }[];
  };
  return items.filter(({ id }) => id === session).map(({ end_code, end_reason }) => [end_code, end_reason]);
}
