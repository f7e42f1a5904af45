import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import type { GatewayConfiguration } from "../src/demo/gateway.ts";
import { clientOf } from "../src/demo/sql.ts";
import { type PostgresServer, startPostgres } from "../test/support/postgres.ts";
import { startWorld, type World } from "../test/support/world.ts";
import type { Endpoint } from "./client.ts";
import type { Path } from "./paths.ts";

/** A database, the gateway and local agents in front of it: the real processes with everything on. */
export interface Stage {
  readonly folder: string;
  readonly database: Endpoint;
  /** Through `ihc connect`, one path for each target below. */
  readonly ihc: Readonly<Record<TargetName, Path>>;
  readonly gateway: number;
  stop(): Promise<void>;
}

/** `full`: masks, detectors and recording as one would run it. `plain`: no masks. `recorded`: as full, every row recorded. */
export type TargetName = "full" | "plain" | "recorded";

export const targetNames: readonly TargetName[] = ["full", "plain", "recorded"];

export const ihcNames: Readonly<Record<TargetName, string>> = {
  full: "ihc, masks and detectors",
  plain: "ihc, no masks",
  recorded: "ihc, every row recorded",
};

/** Rows of the table that point selects read, and of the one that is streamed. */
export const accounts = 100_000;

const user = "bench";

/** Starts everything; what had started is stopped when a later part fails. */
export async function startStage(): Promise<Stage> {
  const folder = mkdtempSync("/tmp/ihc-bench-");
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.toReversed()) await end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const server = await startPostgres({
      auth: "scram",
      settings: ["max_connections=1200", "shared_buffers=128MB", "max_wal_size=2GB"],
    });
    stops.push(server.stop);
    const password = randomBytes(16).toString("hex");
    await fill(server, password);
    const secret = join(folder, "password");
    writeFileSync(secret, password, { mode: 0o600 });
    const world = await startWorld({ policy, change: (base) => configuration(base, server.port, secret) });
    stops.push(world.stop);
    await world.logIn("ana");
    const gateway = world.gatewayProcess().process?.pid ?? 0;
    const [full, plain, recorded] = [
      await connect(world, "full", gateway),
      await connect(world, "plain", gateway),
      await connect(world, "recorded", gateway),
    ];
    const database = { port: server.port, user, password, database: "postgres" };
    return { folder, database, gateway, ihc: { full, plain, recorded }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function connect(world: World, target: TargetName, gateway: number): Promise<Path> {
  const running = world.as("ana", "connect", target, "--reason", "bench", "--for", "4h", "--port", "0");
  const [, port = ""] = await running.until(/127\.0\.0\.1:(\d+)/);
  const { PATH: searchPath = "" } = process.env;
  const client = await clientOf(world, "ana", searchPath, Number(port));
  const { PGUSER: as = "ihc", PGDATABASE: database = "postgres" } = client.environment;
  return {
    name: ihcNames[target],
    endpoint: { port: client.port, user: as, password: client.password, database },
    near: [running.pid ?? 0],
    far: [gateway],
  };
}

function configuration(base: GatewayConfiguration, port: number, secret: string): object {
  const target = (rest: object): object => ({
    postgres: {
      host: "127.0.0.1",
      port,
      database: "postgres",
      tls: "disable",
      user,
      password: `file:${secret}`,
    },
    labels: { env: "prod" },
    ...rest,
  });
  const masking = [
    { columns: ["public.people.email", "public.people.phone"], how: "partial" },
    { detect: ["email", "card", "ssn", "jwt", "aws-key"], how: "redact" },
  ];
  return {
    ...base,
    targets: {
      full: target({ masking, recording: { rows: 1000, bytes: "4MiB" } }),
      plain: target({ masking: [], recording: { rows: 1000, bytes: "4MiB" } }),
      recorded: target({ masking, recording: { rows: 1_000_000_000, bytes: "1024GiB" } }),
    },
    limits: { connections_per_session: 2000, requests_per_minute: 100_000 },
  };
}

const policy = `@id("bench")
permit (principal in Group::"oncall", action == Action::"read", resource);
`;

async function fill(server: PostgresServer, password: string): Promise<void> {
  const { port, password: owner } = server;
  const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", password: owner });
  await client.connect();
  try {
    await client.query(tables);
    await client.query(`create role ${user} login password '${password}';
grant select on all tables in schema public to ${user};
alter role ${user} set default_transaction_read_only = on;`);
  } finally {
    await client.end();
  }
}

/** pgbench's table; a table of people of about 133 bytes a row, and one that multiplies it. */
const tables = `
create table pgbench_accounts (aid integer primary key, bid integer, abalance integer, filler character(84));
insert into pgbench_accounts select n, 1, n % 1000, '' from generate_series(1, ${accounts}) n;
create table people (id integer primary key, name text, email text, phone text, note text, total numeric(10, 2), since timestamptz);
insert into people select n, 'customer number ' || n, 'user' || n || '@shop.example', '+1-555-01' || lpad((n % 100)::text, 2, '0'),
  'open and waiting for the carrier', n * 1.25, timestamptz '2026-01-01 00:00Z' + n * interval '1 minute'
  from generate_series(1, 1000) n;
create table times (n integer primary key);
insert into times select generate_series(1, 2000);
analyze;
`;
