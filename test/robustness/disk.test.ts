import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statfsSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { ownersView } from "../../src/demo/sql.ts";
import { type Connection, startWorld, type World } from "../support/world.ts";
import { type Rig, startRig } from "./support/rig.ts";
import { until, within } from "./support/wait.ts";

const timeout = 110_000;
const policy = `@id("responders") @grant("sre-leads") @max("4h")
permit (principal in Group::"oncall", action, resource) when { resource.labels.env == "prod" };`;

test("a gateway that cannot write a byte more sends no operation more, says so, and recovers with the disk", {
  timeout,
}, async (t) => {
  const world = await startWorld({ policy });
  t.after(() => world.stop());
  await world.logIn("ana", "lee", "sam");
  await ownersView(world.shop, "create table marks (id bigint primary key)");
  await ownersView(world.shop, "grant insert, select on marks to ihc_rw");
  const connection = await world.connect("ana", { approver: "lee" });
  const client = await open(connection);
  const acknowledged: number[] = [];
  const write = async (mark: number): Promise<void> => {
    await client.query(`insert into marks values (${mark})`);
    acknowledged.push(mark);
  };
  await write(1);

  fileSizeLimit(world, "0");
  const error = await within(20_000, "the session ends", failing(write));
  assert.match(error.message, /ihc: .*(record|journal)/);
  const rows = await ownersView(world.shop, "select string_agg(id::text, ',' order by id) from marks");
  assert.equal(rows, acknowledged.join(","), "nothing was sent off the record");
  assert.equal((await fetch(`${world.gateway}/healthz`)).status, 200);
  const denied = world.as("ana", "connect", "prod-db", "--reason", "x", "--port", "0");
  assert.notEqual(await denied.ended(), 0, "no session opens that cannot be recorded");
  assert.match(denied.stderr(), /ihc: error: /);

  fileSizeLimit(world, "unlimited");
  const since = performance.now();
  await until(async () => {
    const fresh = await open(connection).catch(() => undefined);
    await fresh?.query("insert into marks values (999999)");
    await fresh?.end();
    return fresh !== undefined;
  }, 60_000);
  t.diagnostic(`new connections worked ${(performance.now() - since).toFixed(0)} ms after the disk was back`);
  const shown = await world.does("sam", ["sessions", "--json"]);
  const { items } = JSON.parse(shown.stdout()) as {
    items: { id: string; state: string; complete: boolean }[];
  };
  const hurt = items.find(({ id }) => id === connection.session);
  assert.deepEqual({ state: hurt?.state, complete: hurt?.complete }, { state: "ended", complete: false });
  await world.restart();
  const replay = await world.does("sam", ["replay", connection.session, "--format", "text"]);
  assert.match(replay.output(), /insert into marks values \(1\)/);
  await world.does("sam", ["audit", "verify"]);
  await client.end().catch(() => undefined);
});

test("an audit log that takes no entry ends the sessions, and nothing is sent after that", {
  timeout,
}, async (t) => {
  const rig = await startRig();
  t.after(() => rig.stop());
  const session = await rig.session();
  const client = await session.connect();
  await client.query("insert into marks values (1)");
  const database = new DatabaseSync(join(rig.gateway.folder, "state", "ihc.db"), { timeout: 5000 });
  t.after(() => database.close());
  database.exec("create trigger full before insert on audit_queue begin select raise(abort, 'no room'); end");

  const request = await rig.ana.call("POST", "/v1/requests", { body: { target: "prod", reason: "x" } });
  assert.ok(request.status >= 500, "a request that cannot be audited is refused");
  const second = await rig.ana.call("POST", "/v1/sessions", { body: { target: "open", reason: "x" } });
  assert.ok(second.status >= 500, "a session that cannot be audited does not open");
  await within(
    20_000,
    "the session ends",
    failing(async (mark) => {
      await client.query(`insert into marks values (${mark})`);
      await sleep(100);
    }),
  );
  assert.match((await within(1000, "the client is told", client.cut)).message, /^ihc: /);
  const before = await rig.owner("select count(*) from marks");
  await assert.rejects(client.query("insert into marks values (100000)"));
  await assert.rejects(session.connect());
  assert.equal(await rig.owner("select count(*) from marks"), before);

  database.exec("drop trigger full");
  const next = await rig.session();
  const fresh = await next.connect();
  assert.deepEqual((await fresh.query("select 42 as answer")).rows, [{ answer: 42 }]);
  await fresh.end();
  await until(
    async () => (await rig.admin.call("GET", `/v1/sessions/${session.id}`)).body["state"] === "ended",
  );
});

// Only root may mount; as anybody else the limit above is the disk that is full.
if (process.getuid?.() === 0)
  test("a full disk: no session opens below the floor, the running one ends, and it goes on when there is room", {
    timeout,
  }, async (t) => {
    const disk = mkdtempSync(join(tmpdir(), "ihc-disk-"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m,mode=0700", "tmpfs", disk]);
    let rig: Rig | undefined;
    t.after(async () => {
      await rig?.stop();
      execFileSync("umount", [disk]);
      rmSync(disk, { recursive: true });
    });
    rig = await startRig({
      change: () => ({ state: join(disk, "state"), recording: { free_space_floor: "4MiB" } }),
    });
    const session = await rig.session();
    const client = await session.connect();
    await client.query("insert into marks values (1)");

    const ballast = join(disk, "ballast");
    fill(ballast, disk, 3 * 1024 * 1024);
    await client.query("insert into marks values (2)");
    const refused = await rig.ana.call("POST", "/v1/sessions", { body: { target: "open", reason: "x" } });
    assert.equal(refused.status, 503, refused.text);
    assert.equal((await fetch(`${rig.gateway.url}/readyz`)).status, 503);
    assert.match(refused.text, /no room for another recording/);

    fill(ballast, disk, 0);
    const error = await within(
      30_000,
      "the session ends",
      failing(async (mark) => {
        await client.query(`insert into marks values (${mark + 10}, '${"x".repeat(20_000)}')`);
      }),
    );
    assert.match(error.message, /ihc: .*(record|journal)/);
    const rows = await rig.owner("select count(*) from marks");
    await assert.rejects(client.query("insert into marks values (100000)"));
    await assert.rejects(session.connect());
    assert.equal(await rig.owner("select count(*) from marks"), rows);
    assert.equal((await fetch(`${rig.gateway.url}/healthz`)).status, 200);

    unlinkSync(ballast);
    const next = await rig.session();
    const fresh = await next.connect();
    await fresh.query("insert into marks values (200000)");
    await fresh.end();
  });

/** Repeats until it fails; resolves with the failure. */
async function failing(work: (mark: number) => Promise<void>): Promise<Error> {
  for (let mark = 2; ; mark++) {
    try {
      await work(mark);
    } catch (error) {
      if (error instanceof Error) return error;
      throw error;
    }
  }
}

/** Leaves that many bytes free. */
function fill(file: string, disk: string, free: number): void {
  const { bavail, bsize } = statfsSync(disk);
  const room = bavail * bsize - free;
  try {
    writeFileSync(file, Buffer.alloc(Math.max(0, room)), { flag: "a" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
}

function fileSizeLimit(world: World, limit: string): void {
  const { process: gateway } = world.gatewayProcess();
  execFileSync("prlimit", ["--pid", String(gateway?.pid), `--fsize=${limit}:unlimited`]);
}

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
