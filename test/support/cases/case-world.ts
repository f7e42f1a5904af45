import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { p1Grants, p1People, p1Policy, p1Target } from "../p1/p1.ts";
import { type PostgresServer, startPostgres } from "../postgres.ts";
import { startWorld, type World } from "../world.ts";

export type Grant = "ro" | "rw";

/** The world that test/cases assume: the fixture in a PostgreSQL with contrib, policy P1, alice with both grants. */
export interface CaseWorld {
  readonly world: World;
  readonly database: string;
  tunnel(grant: Grant): { readonly port: number; readonly password: string };
  /** Asks as the database's owner, past the gateway; the first row's values joined by `|`. */
  owner(sql: string): Promise<string>;
  /** Runs statements as the database's owner. */
  arrange(sql: string): Promise<void>;
  /** The fixture anew, whatever a case has done to it. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

const database = "ihc_cases";
const template = "ihc_template";

/** `policy` replaces P1. */
export async function startCaseWorld(policy = p1Policy("2s").text): Promise<CaseWorld> {
  const settings = ["max_prepared_transactions=5", "wal_level=logical"];
  const server = await startPostgres({ contrib: true, settings });
  try {
    await load(server);
    return await withGateway(server, policy);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function withGateway(server: PostgresServer, policy: string): Promise<CaseWorld> {
  const secrets = mkdtempSync(join(tmpdir(), "ihc-cases-"));
  const password = join(secrets, "upstream-password");
  writeFileSync(password, "up", { mode: 0o600 });
  const { host, port } = server;
  const upstream = { host, port, database, user: "ihc_upstream", password: `file:${password}` };
  const world = await startWorld({
    policy,
    people: Object.entries(p1People).map(([id, groups]) => ({
      id,
      email: `${id}@acme.io`,
      title: id,
      groups,
    })),
    change: (configuration) => ({ ...configuration, targets: { "prod-db": p1Target(upstream) } }),
  });
  const stop = async () => {
    await world.stop();
    await server.stop();
    rmSync(secrets, { recursive: true });
  };
  try {
    await world.logIn("alice", "bob", "carol", "dave");
    const tunnels = { ro: await connected(world, "ro"), rw: await connected(world, "rw") };
    return {
      world,
      database,
      tunnel: (grant) => tunnels[grant],
      owner: (sql) => asOwner(server, database, sql),
      arrange: (sql) => arrange(server, sql),
      reset: () => refill(server),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function connected(world: World, grant: Grant): Promise<{ port: number; password: string }> {
  const { client } = await world.connect("alice", {
    approver: "bob",
    args: ["--effect", ...p1Grants[grant]],
  });
  return { port: client.port, password: client.password };
}

async function load(server: PostgresServer): Promise<void> {
  await asOwner(server, "postgres", `create database ${template}`);
  const fixture = readFileSync(new URL("../../cases/fixture.sql", import.meta.url), "utf8");
  const client = new pg.Client({ connectionString: server.url(template) });
  await client.connect();
  await client.query(fixture);
  await client.end();
  await asOwner(server, "postgres", `create database ${database} template ${template}`);
}

/** Undoes everything a case may have left: prepared transactions, slots, settings, memberships, rows, objects. */
async function refill(server: PostgresServer): Promise<void> {
  const clean = [
    "select pg_drop_replication_slot(slot_name) from pg_replication_slots where not active",
    "alter system reset all",
    "alter role ihc_upstream reset all",
    "revoke app_admin from ihc_upstream",
    `drop database if exists ${database} with (force)`,
    `create database ${database} template ${template}`,
  ];
  for (const sql of clean) await asOwner(server, "postgres", sql);
}

async function arrange(server: PostgresServer, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url(database) });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

async function asOwner(server: PostgresServer, name: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString: server.url(name) });
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, rowMode: "array" });
    const [first] = rows;
    return Array.isArray(first) ? first.map(String).join("|") : "";
  } finally {
    await client.end();
  }
}
