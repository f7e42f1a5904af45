import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { ask, clientOf, ownersView, reachable } from "../../src/demo/sql.ts";
import { type Connection, startWorld, type World } from "../support/world.ts";

let world: World;

before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee", "sam");
});
after(() => world.stop());
/** Each test asks for access anew. */
afterEach(async () => {
  const shown = await world.does("ana", ["grants", "--mine", "--json"]);
  for (const [grant] of shown.stdout().matchAll(/gra_[0-9A-Z]+/g))
    await world.as("sam", "revoke", grant).ended();
});

test("revoking a grant cuts its connections and cancels the running query within a second", async () => {
  const connection = await world.connect("ana", { approver: "lee" });
  const client = await open(connection);
  const cut = once(client, "error", { signal: AbortSignal.timeout(20_000) });
  const sleeping = assert.rejects(client.query("select pg_sleep(60)"));
  await until(async () => (await sleepers()) === "1");
  const grant = await activeGrant("ana");
  const revoked = world.as("sam", "revoke", grant);
  assert.equal(await revoked.ended(), 0, revoked.output());
  const since = performance.now();
  await sleeping;
  await until(async () => (await sleepers()) === "0");
  assert.ok(performance.now() - since < 1000, "one second is promised");
  await cut;
  await client.end();
  const code = await connection.running.ended();
  assert.notEqual(code, 0);
});

test("a grant that expires cuts what runs, and its port is closed", async () => {
  const connection = await world.connect("ana", { approver: "lee", for: "4s" });
  const client = await open(connection);
  const cut = once(client, "error", { signal: AbortSignal.timeout(20_000) });
  await assert.rejects(client.query("select pg_sleep(60)"));
  await cut;
  await client.end();
  await until(async () => (await sleepers()) === "0");
  assert.equal(await connection.running.ended(), 0);
  await assert.rejects(reachable(connection.client), "nobody listens any more");
});

test("with --renew the same port serves again after a new approval", async () => {
  const connection = await world.connect("ana", { approver: "lee", for: "3s", args: ["--renew"] });
  const [first = ""] = /req_[0-9A-Z]+/.exec(connection.running.output()) ?? [];
  const requests = () => [...connection.running.output().matchAll(/req_[0-9A-Z]+/g)].map(([id]) => id);
  await until(() => Promise.resolve(requests().some((id) => id !== first)));
  const next = requests().find((id) => id !== first) ?? "";
  assert.equal(await (await world.review("lee", next)).ended(), 0);
  await until(() => Promise.resolve(sessionsOf(connection).size > 1));
  const { PATH: searchPath = "/usr/bin:/bin" } = process.env;
  // The session has another secret now; tools read it from the same files.
  const client = await clientOf(world, "ana", searchPath, connection.client.port);
  assert.match((await ask(client, "select 40 + 2 as answer").done).output, /42/);
  await connection.running.end("SIGINT");
});

test("Ctrl-C ends the session, frees the port and leaves no file with its password", async () => {
  const connection = await world.connect("ana", { approver: "lee" });
  const client = await open(connection);
  client.on("error", () => undefined);
  await connection.running.end("SIGINT");
  await assert.rejects(reachable(connection.client));
  await assert.rejects(client.query("select 1"));
  const shown = await world.does("ana", ["status", "--json"]);
  assert.deepEqual((JSON.parse(shown.stdout()) as { items: unknown[] }).items, []);
});

test("a gateway killed with SIGKILL loses nothing acknowledged, and new connections work after its restart", async () => {
  const connection = await world.connect("ana", { approver: "lee" });
  const marker = "select 4711 as before_the_crash";
  assert.match((await ask(connection.client, marker).done).output, /before_the_crash/);
  const held = ask(connection.client, "update orders set status = 'retry' where id = 4723");
  const [request] = await held.until(/req_[0-9A-Z]+/);
  await world.restart("SIGKILL");
  assert.match((await held.done).output, /ERROR|server closed|terminat/i);
  assert.equal(await ownersView(world.shop, "select status from orders where id = 4723"), "stuck");
  const late = await world.review("lee", request);
  await late.ended();
  assert.equal(await ownersView(world.shop, "select status from orders where id = 4723"), "stuck");
  await until(
    async () => /42/.test((await ask(connection.client, "select 40 + 2 as answer").done).output),
    30_000,
  );
  const replay = await world.does("sam", ["replay", connection.session, "--format", "text"]);
  assert.match(replay.output(), /before_the_crash/);
  await world.does("sam", ["audit", "verify"]);
});

async function open({ client: { port, password } }: Connection): Promise<pg.Client> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "ihc",
    database: "app",
    password,
    ssl: false,
  });
  await client.connect();
  return client;
}

function sessionsOf({ running }: Connection): Set<string> {
  return new Set([...running.output().matchAll(/ses_[0-9A-Z]+/g)].map(([id]) => id));
}

/** How many backends run pg_sleep, as the database's owner sees it. */
function sleepers(): Promise<string> {
  const others = "state = 'active' and pid <> pg_backend_pid()";
  return ownersView(
    world.shop,
    `select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and ${others}`,
  );
}

async function activeGrant(person: string): Promise<string> {
  const shown = await world.does(person, ["grants", "--mine", "--json"]);
  const grant = /gra_[0-9A-Z]+/.exec(shown.stdout())?.[0];
  assert.ok(grant, shown.output());
  return grant;
}

async function until(condition: () => Promise<boolean>, ms = 10_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    assert.ok(performance.now() < deadline, "it did not come to pass");
    await sleep(20);
  }
}
