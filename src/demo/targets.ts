import { randomBytes } from "node:crypto";
import type { Part } from "./part.ts";
import { type Postgres, startPostgres } from "./postgres.ts";
import { shopSql } from "./shop.ts";

/** The demo's one target: the shop's database and the two roles that the gateway logs in with. */
export interface ShopTarget extends Part {
  readonly port: number;
  readonly database: string;
  readonly reader: Role;
  readonly writer: Role;
  /** Of the superuser; for the demo's own checks, never for the gateway. */
  readonly owner: Role;
}

export interface Role {
  readonly user: string;
  readonly password: string;
}

/** Starts PostgreSQL under `home` and fills it. The roles are hardened the way `ihc targets harden` advises. */
export async function startShop(home: string, searchPath: string): Promise<ShopTarget> {
  const server = await startPostgres(home, searchPath);
  const reader = { user: "ihc_ro", password: randomBytes(16).toString("hex") };
  const writer = { user: "ihc_rw", password: randomBytes(16).toString("hex") };
  try {
    await fill(server, reader, writer);
  } catch (error) {
    await server.stop();
    throw error;
  }
  const owner = { user: "postgres", password: server.password };
  return { ...server, name: "the shop's database", database: "app", reader, writer, owner };
}

async function fill(server: Postgres, reader: Role, writer: Role): Promise<void> {
  await runSql(server, "postgres", "create database app");
  await runSql(server, "app", shopSql);
  await runSql(server, "app", rolesSql(reader, writer));
}

async function runSql(server: Postgres, database: string, sql: string): Promise<void> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({
    host: "127.0.0.1",
    port: server.port,
    user: "postgres",
    password: server.password,
    database,
  });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Layer one of the defence: what the roles may do if everything in front of them failed. Passwords are hexadecimal. */
function rolesSql(reader: Role, writer: Role): string {
  const limits = (user: string) => `
alter role ${user} set statement_timeout = '2min';
alter role ${user} set idle_in_transaction_session_timeout = '10min';
alter role ${user} set search_path = public;
grant connect on database app to ${user};
grant usage on schema public to ${user};
grant select on all tables in schema public to ${user};`;
  return `
create role ${reader.user} login nosuperuser nocreatedb nocreaterole noreplication connection limit 50 password '${reader.password}';
create role ${writer.user} login nosuperuser nocreatedb nocreaterole noreplication connection limit 20 password '${writer.password}';
revoke all on database app from public;
revoke all on schema public from public;
revoke execute on all functions in schema public from public;
revoke execute on function pg_catalog.lo_import(text), pg_catalog.lo_export(oid, text), pg_catalog.lo_creat(integer),
  pg_catalog.lo_create(oid), pg_catalog.lo_from_bytea(oid, bytea) from public;
${limits(reader.user)}
alter role ${reader.user} set default_transaction_read_only = on;
${limits(writer.user)}
grant update, insert, delete on orders to ${writer.user};
grant usage on sequence orders_id_seq to ${writer.user};
`;
}
