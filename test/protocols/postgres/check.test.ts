import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import type { MaskingRules } from "../../../src/core/masking/rule.ts";
import { createParser } from "../../../src/gateway/parser.ts";
import { postgres } from "../../../src/protocols/postgres/index.ts";
import type { PostgresSettings } from "../../../src/protocols/postgres/settings.ts";
import type { Upstream } from "../../../src/protocols/protocol.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";

let server: PostgresServer;
let admin: pg.Client;

const masking: MaskingRules = {
  mode: "strict",
  rules: [{ columns: ["public.customers.email"], how: "partial" }],
};

before(async () => {
  server = await startPostgres({ contrib: true });
  admin = new pg.Client(server.url("postgres"));
  await admin.connect();
  await admin.query(`create role "odd ""reader" login createrole password 'r'`);
  await admin.query(`grant pg_read_server_files to "odd ""reader"`);
  await admin.query(
    `create table customers (id int, "e""mail" text, email text); create table "Orders" (id int)`,
  );
  await admin.query("create view contacts as select id, email as contact from customers");
  await admin.query('grant all on customers, contacts, "Orders" to public');
  await admin.query("create function own() returns int language sql security definer as 'select 1'");
});

after(async () => {
  await admin.end();
  await server.stop();
});

function upstream(user: string): Upstream<PostgresSettings> {
  return {
    target: { name: "prod-db", protocol: "postgres", labels: {} },
    settings: postgres.parseSettings({
      host: server.host,
      port: server.port,
      database: "postgres",
      tls: "disable",
      user,
      password: "env:P",
    }),
    secret: async () => "r",
    login: { user: "ihc", scram: { salt: "", iterations: 1, storedKey: "", serverKey: "" }, sha256: "" },
    parser: createParser(),
    shared: new Map(),
    log: () => undefined,
    cancels: { register: () => assert.fail("not used"), cancel: async () => false },
  };
}

async function rules(user: string): Promise<string[]> {
  return [...new Set((await postgres.check(upstream(user), masking)).map(({ rule }) => rule))].sort();
}

test("a superuser is critical", async () => {
  const findings = await postgres.check(upstream("postgres"), masking);
  assert.equal(findings.find(({ rule }) => rule === "superuser")?.severity, "critical");
});

test("check says what the role can do, and what harden prints closes it", async () => {
  assert.deepEqual(await rules('odd "reader'), [
    "createrole",
    "dangerous-function",
    "definer-function",
    "masked-column-readable",
    "no-read-only-default",
    "pg-read-server-files",
    "reader-may-write",
    "view-over-masked-column",
  ]);
  const sql = await postgres.harden(upstream('odd "reader'), masking);
  await admin.query(sql);
  assert.deepEqual(await rules('odd "reader'), []);
  const { rows } =
    await admin.query(`select has_column_privilege('odd "reader', 'customers', 'e"mail', 'select') as open,
    has_column_privilege('odd "reader', 'customers', 'email', 'select') as masked`);
  assert.deepEqual(rows, [{ open: true, masked: false }]);
});

test("client help holds the secret in the passfile only", () => {
  const help = postgres.clientHelp(
    { host: "127.0.0.1", port: 55432 },
    { name: "prod-db", protocol: "postgres", labels: {} },
    { database: "app" },
  );
  assert.equal(help.dsn, "postgresql://ihc@127.0.0.1:55432/app?sslmode=disable");
  assert.deepEqual(
    help.files.map(({ name, content }) => [name, content("se:cret").includes("cret")]),
    [
      ["pgpass", true],
      ["pg_service.conf", false],
    ],
  );
  assert.equal(help.files[0]?.content("se:cret"), "127.0.0.1:55432:app:ihc:se\\:cret\n");
});
