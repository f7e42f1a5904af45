import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { ownersView } from "../../src/demo/sql.ts";
import { type Connection, startWorld, type World } from "../support/world.ts";
import { until, within } from "./support/wait.ts";

const timeout = 90_000;
const policy = `@id("responders") @grant("sre-leads") @max("4h")
permit (principal in Group::"oncall", action, resource) when { resource.labels.env == "prod" };`;

let world: World;

before(async () => {
  world = await startWorld({ policy });
  await world.logIn("ana", "lee", "sam");
});
after(() => world.stop());

test("an invalid policy or configuration is refused at SIGHUP and running sessions go on; a valid one counts at once", {
  timeout,
}, async () => {
  const connection = await world.connect("ana", { approver: "lee" });
  const client = await open(connection);
  const { config, process: gateway } = world.gatewayProcess();
  assert.ok(gateway);
  const file = join(dirname(config), "policy", "shop.cedar");
  const valid = readFileSync(config, "utf8");

  for (const [path, broken, mended] of [
    [file, "permit (principal, action, resource", policy],
    [config, `${valid}\nmistyped: true\n`, valid],
  ] as const) {
    writeFileSync(path, broken);
    gateway.kill("SIGHUP");
    await sleep(1000);
    assert.deepEqual((await client.query("select 1 as one")).rows, [{ one: 1 }]);
    assert.equal((await fetch(`${world.gateway}/readyz`)).status, 200);
    writeFileSync(path, mended);
    gateway.kill("SIGHUP");
    await sleep(500);
  }
  const running = client.query("select pg_sleep(60)").catch((error: unknown) => error);
  writeFileSync(file, policy.replace("oncall", "nobody"));
  gateway.kill("SIGHUP");
  const error = await within(10_000, "the session ends", running);
  assert.ok(error instanceof Error);
  assert.match(error.message, /policy does not allow it any more/);
  assert.equal(await connection.running.ended(), 3, connection.running.output());
  assert.match(connection.running.stderr(), /hint:/);
  writeFileSync(file, policy);
  gateway.kill("SIGHUP");
  await until(async () => /prod-db/.test((await world.does("ana", ["targets"])).stdout()));
  await client.end().catch(() => undefined);
});

test("SIGTERM, even twice and with SIGHUP, tells the clients and seals what they did", {
  timeout,
}, async (t) => {
  const connection = await world.connect("ana");
  const client = await open(connection);
  await client.query("select 4711 as before_the_stop");
  const running = client.query("select pg_sleep(60), 'drained'").catch((error: unknown) => error);
  await until(async () => (await sleepers("drained")) === "1");
  const { process: gateway } = world.gatewayProcess();
  assert.ok(gateway);
  const since = performance.now();
  const exited = once(gateway, "exit").then(([code, signal]) => ({
    code,
    signal,
    ms: performance.now() - since,
  }));
  const again = world.restart("SIGTERM");
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT", "SIGTERM"] as const) {
    await sleep(10);
    gateway.kill(signal);
  }
  const error = await within(10_000, "the client hears of it", running);
  assert.ok(error instanceof Error);
  assert.match(error.message, /the gateway is stopping/);
  const { code, signal, ms } = await exited;
  t.diagnostic(`drained and stopped after ${ms.toFixed(0)} ms`);
  assert.deepEqual({ code, signal }, { code: 0, signal: null });
  assert.equal(await sleepers("drained"), "0");
  await again;

  const shown = await world.does("sam", ["sessions", "--json"]);
  const { items } = JSON.parse(shown.stdout()) as {
    items: { id: string; state: string; complete: boolean; end_reason?: string }[];
  };
  const ended = items.find(({ id }) => id === connection.session);
  assert.equal(ended?.state, "ended");
  assert.equal(ended?.complete, true);
  assert.match(ended?.end_reason ?? "", /the gateway is stopping/);
  const replay = await world.does("sam", ["replay", connection.session, "--format", "text"]);
  assert.match(replay.output(), /before_the_stop/);
  await world.does("sam", ["audit", "verify"]);

  await connection.running.until(/ses_[0-9A-Z]+ goes on at the same address/);
  const fresh = await open(connection);
  assert.deepEqual((await fresh.query("select 42 as answer")).rows, [{ answer: 42 }]);
  await fresh.end();
  await connection.running.end("SIGINT");
  await client.end().catch(() => undefined);
});

test("a plain listener on an address that others reach is refused, unless a proxy ends TLS in front of it", {
  timeout,
}, async () => {
  const { config } = world.gatewayProcess();
  const valid = readFileSync(config, "utf8");
  const open = valid.replace(/listen: .*/, "listen: 0.0.0.0:0");
  for (const [text, what] of [
    [open, "plain"],
    [`${open}\nbehind_proxy: true\n`, "a proxy without a public address"],
  ] as const) {
    const file = join(dirname(config), "open.yaml");
    writeFileSync(file, text, { mode: 0o600 });
    const refused = world.as("sam", "gateway", "--config", file);
    assert.notEqual(await refused.ended(), 0, what);
    assert.match(refused.stderr(), /open\.yaml:\d+: .*(tls|public_url|behind_proxy|plain)/i, what);
  }
});

async function open({ client: { port, environment } }: Connection): Promise<pg.Client> {
  const line = readFileSync(environment["PGPASSFILE"] ?? "", "utf8");
  const password = line.trim().split(":").at(-1) ?? "";
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "ihc",
    database: "app",
    password,
    ssl: false,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

function sleepers(text: string): Promise<string> {
  const others = "state = 'active' and pid <> pg_backend_pid()";
  return ownersView(
    world.shop,
    `select count(*) from pg_stat_activity where query like '%${text}%' and ${others}`,
  );
}
