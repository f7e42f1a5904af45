import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { ownersView, reachable } from "../../src/demo/sql.ts";
import { type Connection, startWorld, type World } from "../support/world.ts";
import { until } from "./support/wait.ts";

const timeout = 120_000;
const rounds = 3;

const policy = `@id("responders") @grant("sre-leads") @max("4h")
permit (principal in Group::"oncall", action, resource) when { resource.labels.env == "prod" };`;

let world: World;

before(async () => {
  world = await startWorld({ policy });
  await world.logIn("ana", "lee", "sam");
  await ownersView(world.shop, "create table marks (id bigint primary key)");
  await ownersView(world.shop, "grant insert, select on marks to ihc_rw");
});
after(() => world.stop());

test("a gateway killed again and again under load loses nothing it acknowledged", { timeout }, async (t) => {
  const connection = await world.connect("ana", { approver: "lee" });
  const load = startLoad(connection);
  const ready: number[] = [];
  const recovery: number[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const before = load.acknowledged.size;
      await until(() => load.acknowledged.size > before + 20, 30_000);
      const since = performance.now();
      await world.restart("SIGKILL");
      ready.push(Math.round(performance.now() - since));
      const back = load.acknowledged.size;
      await until(() => load.acknowledged.size > back, 30_000);
      recovery.push(Math.round(performance.now() - since));
    }
  } finally {
    await load.stop();
  }
  t.diagnostic(`${load.acknowledged.size} writes acknowledged, ${load.failed()} failed, ${rounds} kills`);
  t.diagnostic(`from the kill to a gateway that is ready: ${ready.join(", ")} ms`);
  t.diagnostic(`from the kill to the next acknowledged write: ${recovery.join(", ")} ms`);

  const said = connection.running.output();
  assert.match(said, /lost: the gateway or the network went away|cannot reach the gateway/);
  const refusals = said.match(/ refused: /g)?.length ?? 0;
  assert.ok(refusals <= 4 * rounds && load.failed() > refusals, "the same refusal is told once");
  assert.match(said, /ses_[0-9A-Z]+ goes on at the same address; connect your client again/);

  const shown = await world.does("sam", ["sessions", "--json"]);
  const { items } = JSON.parse(shown.stdout()) as {
    items: { id: string; state: string; complete: boolean }[];
  };
  const ended = items.filter(({ state }) => state === "ended");
  assert.ok(ended.length >= rounds, JSON.stringify(items));
  const journaled = new Set<number>();
  for (const { id, state, complete } of items) {
    if (state === "ended") assert.equal(complete, false, id);
    const replay = await world.does("sam", ["replay", id, "--format", "json"]);
    const allowed = allowedMarks(replay.stdout());
    for (const mark of allowed.marks) journaled.add(mark);
    if (state === "ended") assert.equal(allowed.complete, false, id);
  }
  for (const mark of load.acknowledged) assert.ok(journaled.has(mark), `write ${mark} is in no recording`);
  const rows = String(await ownersView(world.shop, "select string_agg(id::text, ',') from marks")).split(",");
  for (const row of rows) assert.ok(journaled.has(Number(row)), `row ${row} was written off the record`);
  for (const mark of load.acknowledged) assert.ok(rows.includes(String(mark)), `write ${mark} is gone`);
  await world.does("sam", ["audit", "verify"]);
  await connection.running.end("SIGINT");
});

test("a killed local agent leaves nothing running, and connecting again works on the same port", {
  timeout,
}, async () => {
  const args = ["connect", "prod-db", "--reason", "x", "--background", "--json"];
  const started = world.as("ana", ...args);
  assert.equal(await started.ended(), 0, started.output());
  const { pid, port, environment, session } = await running();
  const client = await open(port, environment);
  const query = client.query("select pg_sleep(60), 'killed agent'").catch((error: unknown) => error);
  await until(async () => (await sleepers("killed agent")) === "1");
  const since = performance.now();
  process.kill(pid, "SIGKILL");
  await until(async () => (await sleepers("killed agent")) === "0");
  assert.ok(performance.now() - since < 2000);
  assert.ok((await query) instanceof Error);
  await client.end().catch(() => undefined);

  const empty = await world.does("ana", ["status", "--json"]);
  assert.deepEqual((JSON.parse(empty.stdout()) as { items: unknown[] }).items, []);
  const runtime = join(world.home.environment("ana")["XDG_RUNTIME_DIR"] ?? "", "ihc");
  assert.deepEqual(await readdir(join(runtime, "running")), []);
  assert.deepEqual(await readdir(join(runtime, "sessions")), [], "the session's password has gone too");

  const again = world.as("ana", ...args);
  assert.equal(await again.ended(), 0, again.output());
  const next = await running();
  assert.equal(next.port, port);
  assert.notEqual(next.session, session);
  const fresh = await open(next.port, next.environment);
  assert.equal((await fresh.query("select 1 as one")).rows[0].one, 1);
  await fresh.end();
  await world.does("ana", ["disconnect", "--all"]);
  await assert.rejects(reachable({ port }));
});

test("a CLI killed while it waits finds its request again, pending or approved", { timeout }, async () => {
  await endGrants();
  const first = world.as("ana", "connect", "prod-db", "--reason", "waits", "--port", "0");
  const [request] = await first.until(/req_[0-9A-Z]+/);
  await first.end("SIGKILL");
  const second = world.as("ana", "connect", "prod-db", "--reason", "waits", "--port", "0");
  const [found] = await second.until(/req_[0-9A-Z]+/);
  assert.equal(found, request, "no second request was filed");
  await second.end("SIGKILL");
  assert.equal(await (await world.review("lee", request)).ended(), 0);
  const third = world.as("ana", "connect", "prod-db", "--reason", "waits", "--port", "0");
  await third.until(/ses_[0-9A-Z]+/);
  assert.ok(!/filed/.test(third.output()), third.output());
  await third.end("SIGINT");
});

interface Load {
  readonly acknowledged: ReadonlySet<number>;
  failed(): number;
  stop(): Promise<void>;
}

/** Four clients that write one row after the other and connect again whenever they are thrown out. */
function startLoad({ client: { port, environment } }: Connection): Load {
  const acknowledged = new Set<number>();
  let failed = 0;
  let last = 0;
  let stopped = false;
  const worker = async (): Promise<void> => {
    while (!stopped) {
      try {
        const client = await open(port, environment);
        try {
          while (!stopped) {
            last += 1;
            const mark = last;
            await client.query(`insert into marks values (${mark})`);
            acknowledged.add(mark);
            await sleep(10);
          }
        } finally {
          await client.end().catch(() => undefined);
        }
      } catch {
        failed += 1;
        await sleep(50);
      }
    }
  };
  const workers = [worker(), worker(), worker(), worker()];
  return {
    acknowledged,
    failed: () => failed,
    stop: async () => {
      stopped = true;
      await Promise.all(workers);
    },
  };
}

/** Writes that the recording shows as allowed, and what its end says. */
function allowedMarks(text: string) {
  const asked = new Map<string, number>();
  const marks = new Set<number>();
  let complete: boolean | undefined;
  for (const line of text.trim().split("\n")) {
    const { event } = JSON.parse(line) as {
      event: { type: string; operation?: string; text?: string; verdict?: string; complete?: boolean };
    };
    const mark = /insert into marks values \((\d+)\)/.exec(event.text ?? "")?.[1];
    if (event.type === "operation" && mark !== undefined) asked.set(String(event.operation), Number(mark));
    const allowed =
      event.type === "verdict" && event.verdict === "allow" ? asked.get(String(event.operation)) : undefined;
    if (allowed !== undefined) marks.add(allowed);
    if (event.type === "end") complete = event.complete;
  }
  return { marks, complete };
}

async function running() {
  const shown = await world.does("ana", ["status", "--json"]);
  const { items } = JSON.parse(shown.stdout()) as {
    items: { pid: number; port: number; session: string; environment: Record<string, string> }[];
  };
  const [item] = items;
  assert.ok(item, shown.output());
  return item;
}

async function open(port: number, environment: Readonly<Record<string, string>>): Promise<pg.Client> {
  const line = await readFile(environment["PGPASSFILE"] ?? "", "utf8");
  const password = line.trim().split(":").at(-1) ?? "";
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "ihc",
    database: "app",
    password,
    ssl: false,
    connectionTimeoutMillis: 10_000,
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

async function endGrants(): Promise<void> {
  const shown = await world.does("ana", ["grants", "--mine", "--json"]);
  for (const [grant] of shown.stdout().matchAll(/gra_[0-9A-Z]+/g))
    await world.as("sam", "revoke", grant).ended();
}
