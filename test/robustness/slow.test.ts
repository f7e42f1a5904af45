import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { FrameReader } from "../../src/protocols/postgres/frame-reader.ts";
import * as encode from "../../src/protocols/postgres/wire/encode.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type Connection, startWorld, type World } from "../support/world.ts";
import { logInRaw, startStalled } from "./support/stalled.ts";
import { until, within } from "./support/wait.ts";

const timeout = 110_000;
const mebibyte = 1024 * 1024;
const policy = `@id("all") permit (principal in Group::"oncall", action, resource) when { resource.labels.env == "prod" };`;

let world: World;
let postgres: PostgresServer;
let connection: Connection;

before(async () => {
  // The demo's roles take fifty connections; this server takes three hundred.
  postgres = await startPostgres();
  await query("postgres", "create database app");
  await query("postgres", "create role ihc_app login");
  world = await startWorld({
    policy,
    change: (config) => ({
      ...config,
      targets: targets(postgres.port),
      limits: { connections_per_session: 1500 },
    }),
  });
  await world.logIn("ana", "lee");
  connection = await world.connect("ana");
});
after(async () => {
  await world.stop();
  await postgres.stop();
});

test("a client that stalls on a result of 200 MB costs neither process memory, and others go on", {
  timeout,
}, async (t) => {
  const { client } = connection;
  const warm = await open();
  await warm.query("select repeat('x', 1000) from generate_series(1, 20000)");
  const before = memory();
  const stalled = await startStalled(
    { port: client.port, secret: client.password },
    "select repeat('x', 1000) as wide from generate_series(1, 200000)",
  );
  const most = { agent: 0, gateway: 0 };
  for (let look = 0; look < 30; look++) {
    await sleep(100);
    const now = memory();
    most.agent = Math.max(most.agent, now.agent - before.agent);
    most.gateway = Math.max(most.gateway, now.gateway - before.gateway);
    if (look % 10 === 0) await warm.query("select 1");
  }
  t.diagnostic(`before: ${shown(before)}; growth while stalled: ${shown(most)}`);
  assert.ok(most.agent < 48 * mebibyte, "the local agent holds no result");
  assert.ok(most.gateway < 48 * mebibyte, "the gateway holds no result");

  let bytes = 0;
  const since = performance.now();
  stalled.socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    const now = bytes % (16 * mebibyte) < chunk.length ? memory() : before;
    most.agent = Math.max(most.agent, now.agent - before.agent);
    most.gateway = Math.max(most.gateway, now.gateway - before.gateway);
  });
  stalled.socket.resume();
  await until(() => bytes > 200_000_000, 60_000);
  t.diagnostic(
    `then read ${bytes} bytes in ${(performance.now() - since).toFixed(0)} ms; growth: ${shown(most)}`,
  );
  assert.ok(most.gateway < 160 * mebibyte, "recording holds the database back");
  stalled.socket.destroy();
  await warm.end();
});

test("twenty thousand queries in one write are all answered in order", { timeout }, async (t) => {
  const count = 20_000;
  const before = memory();
  const socket = await logInRaw(connection.client.port, connection.client.password);
  const values: Promise<number[]> = firstColumns(socket, count);
  const queries = Array.from({ length: count }, (_none, n) => encode.query(`select ${n % 7}`));
  const since = performance.now();
  socket.write(Buffer.concat(queries));
  const got = await within(90_000, "all answers", values);
  const now = memory();
  t.diagnostic(
    `${count} pipelined queries in ${(performance.now() - since).toFixed(0)} ms; growth: ${shown({ agent: now.agent - before.agent, gateway: now.gateway - before.gateway })}`,
  );
  assert.deepEqual(
    got,
    Array.from({ length: count }, (_none, n) => n % 7),
  );
  socket.destroy();
});

test("a query that comes byte by byte is answered", { timeout }, async () => {
  const socket = await logInRaw(connection.client.port, connection.client.password);
  const values = firstColumns(socket, 1);
  for (const byte of encode.query("select 5 as slow")) {
    socket.write(Buffer.of(byte));
    await sleep(100);
  }
  assert.deepEqual(await within(10_000, "the answer", values), [5]);
  socket.destroy();
});

test("two hundred connections work in one session while one of them hangs", { timeout }, async (t) => {
  const hanging = await startStalled(
    { port: connection.client.port, secret: connection.client.password },
    "select repeat('x', 1000) from generate_series(1, 200000)",
  );
  const since = performance.now();
  const clients = await Promise.all(Array.from({ length: 199 }, open));
  const connected = performance.now();
  const answers = await within(
    60_000,
    "all answer",
    Promise.all(clients.map((client, n) => client.query(`select ${n} as n`))),
  );
  assert.deepEqual(
    answers.map(({ rows }) => rows[0].n),
    clients.map((_client, n) => n),
  );
  t.diagnostic(
    `199 connections stood after ${(connected - since).toFixed(0)} ms, and answered ${(performance.now() - connected).toFixed(0)} ms later; ${shown(memory())}`,
  );
  assert.equal(await ownersCount(), 200);
  await Promise.all(clients.map((client) => client.end()));
  hanging.socket.destroy();
  await until(async () => (await ownersCount()) === 0, 20_000);
});

test("a thousand idle tunnels cost a bounded amount of memory", { timeout }, async (t) => {
  const before = memory();
  const since = performance.now();
  const sockets = Array.from({ length: 1000 }, () => connect(connection.client.port, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => socket.destroy());
  await until(async () => (await connectionsOf()) >= 1000, 25_000);
  const now = memory();
  const grown = { agent: now.agent - before.agent, gateway: now.gateway - before.gateway };
  t.diagnostic(`1000 idle tunnels after ${(performance.now() - since).toFixed(0)} ms: ${shown(grown)} more`);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await connectionsOf()) === 0, 20_000);
  assert.ok(grown.agent + grown.gateway < 400 * mebibyte);
});

/** As the gateway's own metrics count them. */
async function connectionsOf(): Promise<number> {
  const text = await (await fetch(`${world.gateway}/metrics`)).text();
  const [, count = "NaN"] = /^ihc_connections_open (\d+)/m.exec(text) ?? [];
  return Number(count);
}

/** Numbers of the first column, up to that many ReadyForQuery. */
async function firstColumns(socket: Socket, count: number): Promise<number[]> {
  const reader = new FrameReader(socket);
  socket.resume();
  const deadline = AbortSignal.timeout(90_000);
  const values: number[] = [];
  for (let ready = 0; ready < count; ) {
    const { type, frame } = await reader.next(deadline);
    if (type === "D") values.push(Number(frame.toString("latin1", 11)));
    if (type === "Z") ready += 1;
    assert.notEqual(type, "E", frame.toString("latin1"));
  }
  return values;
}

function memory(): { readonly agent: number; readonly gateway: number } {
  return { agent: resident(connection.running.pid), gateway: resident(world.gatewayProcess().process?.pid) };
}

/** Resident set of a process, bytes. */
function resident(pid: number | undefined): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) * 1024;
}

function shown({ agent, gateway }: { readonly agent: number; readonly gateway: number }): string {
  return `local agent ${(agent / mebibyte).toFixed(0)} MiB, gateway ${(gateway / mebibyte).toFixed(0)} MiB`;
}

async function open(): Promise<pg.Client> {
  const { port, password } = connection.client;
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

async function ownersCount(): Promise<number> {
  const rows = await query(
    "app",
    "select count(*)::int as n from pg_stat_activity where usename = 'ihc_app' and application_name like 'ihc:ana%'",
  );
  return Number(rows[0]?.["n"]);
}

async function query(database: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: postgres.url(database) });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows;
  } finally {
    await client.end();
  }
}

function targets(port: number): object {
  const settings = { host: "127.0.0.1", port, database: "app", tls: "disable", user: "ihc_app" };
  return { "prod-db": { postgres: settings, labels: { env: "prod" } } };
}
