import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import * as encode from "../../../src/protocols/postgres/wire/encode.ts";
import { startup, Wire } from "../../support/cases/wire.ts";
import { type PgGateway, startPgGateway } from "../../support/pg-gateway.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";

let server: PostgresServer;
let gateway: PgGateway;

before(async () => {
  server = await startPostgres({ contrib: true });
  const admin = new pg.Client(server.url("postgres"));
  await admin.connect();
  await admin.query("create table items (id int primary key, owner text)");
  await admin.query("insert into items select i, 'ana' || i || '@shop.example' from generate_series(1, 5) i");
  await admin.end();
  gateway = await startPgGateway({
    settings: {
      host: server.host,
      port: server.port,
      database: "postgres",
      tls: "disable",
      user: "postgres",
      allow_superuser: true,
    },
    policy: `@id("all") permit (principal, action, resource);
      @id("no-unbounded-delete") forbid (principal, action, resource) when { context.traits.contains("no-where") };`,
    masking: { mode: "strict", rules: [{ columns: ["public.items.owner"], how: "redact" }] },
  });
});

after(async () => {
  await gateway.stop();
  await server.stop();
});

/** Logs in, sends, waits for so many ReadyForQuery after the first, and says which messages came. */
async function talk(
  messages: readonly Buffer[],
  ready: number,
  check: (types: string, wire: Wire) => void,
): Promise<void> {
  const wire = await Wire.open(gateway.port);
  try {
    await wire.login({ user: "ihc", database: "postgres" }, gateway.password);
    const from = wire.messages.length;
    wire.send(Buffer.concat(messages));
    assert.ok(
      await wire.until(() => wire.count("Z") > ready, 8000),
      wire.messages.map(({ type }) => type).join(""),
    );
    check(
      wire.messages
        .slice(from)
        .map(({ type }) => type)
        .join(""),
      wire,
    );
  } finally {
    wire.destroy();
  }
}

/** A field of the n-th error. */
function said(wire: Wire, n: number, field: "M" | "C"): string {
  return wire.errors()[n]?.[field] ?? "";
}

function run(sql: string, portal = ""): Buffer {
  return Buffer.concat([
    encode.parseMessage("", sql),
    encode.bind({ portal, statement: "" }),
    encode.execute(portal),
  ]);
}

test("after a refusal in a pipeline all is discarded up to Sync: earlier answers, one error, one ReadyForQuery", () =>
  talk([run("select 1"), run("delete from items"), run("select 2"), encode.sync()], 1, (types, wire) => {
    assert.equal(types, "12DC1EZ");
    assert.match(said(wire, 0, "M"), /no-unbounded-delete/);
  }));

test("a refused statement leaves no unnamed statement for the next Bind to run", () =>
  talk(
    [
      run("select 1"),
      encode.sync(),
      run("delete from items"),
      encode.sync(),
      encode.bind({ portal: "", statement: "" }),
      encode.execute(""),
      encode.sync(),
    ],
    3,
    (types, wire) => {
      assert.equal(types, "12DCZ1EZEZ");
      assert.equal(said(wire, 1, "C"), "26000");
    },
  ));

test("a name that SQL has freed is not the old statement any more, even in the next batch of a pipeline", () =>
  talk(
    [
      encode.parseMessage("s1", "select 1"),
      encode.sync(),
      encode.query("deallocate all"),
      encode.parseMessage("s1", "delete from items"),
      encode.bind({ portal: "", statement: "s1" }),
      encode.execute(""),
      encode.sync(),
    ],
    3,
    (types, wire) => {
      assert.equal(types, "1ZCZ1EZ");
      assert.match(said(wire, 0, "M"), /no-unbounded-delete/);
    },
  ));

test("a Parse that fails leaves the name with its old statement", () =>
  talk(
    [
      encode.parseMessage("s1", "select 11 as n"),
      encode.sync(),
      encode.parseMessage("s1", "select 22 as n"),
      encode.sync(),
      encode.bind({ portal: "", statement: "s1" }),
      encode.execute(""),
      encode.sync(),
    ],
    3,
    (types, wire) => {
      assert.equal(types, "1ZEZ2DCZ");
      assert.ok(wire.all().includes("11"));
      const texts = gateway.events
        .filter((event) => event.type === "operation")
        .map(({ text }) => text as string);
      assert.equal(texts.at(-1), "select 11 as n");
    },
  ));

test("rows that come without a description are masked all the same, in every format", () =>
  talk(
    [
      encode.parseMessage("m", "select id, owner from items order by id limit 1"),
      encode.bind({ portal: "", statement: "m" }),
      encode.execute(""),
      encode.bind({ portal: "", statement: "m", resultFormats: [1] }),
      encode.execute(""),
      encode.sync(),
      encode.bind({ portal: "", statement: "m", resultFormats: [0, 1] }),
      encode.execute(""),
      encode.sync(),
    ],
    2,
    (types, wire) => {
      assert.equal(types, "12DC2DCZ2DCZ");
      assert.ok(!wire.all().includes("shop.example"));
    },
  ));

test("a cursor that SQL declared can be executed as a portal, masked", () =>
  talk(
    [
      encode.query("begin"),
      encode.query("declare c1 cursor for select owner from items order by id"),
      encode.execute("c1", 2),
      encode.execute("c1"),
      encode.sync(),
      encode.query("rollback"),
      encode.execute("c1"),
      encode.sync(),
    ],
    5,
    (types, wire) => {
      assert.equal(types, "CZCZDDsDDDCZCZEZ");
      assert.ok(!wire.all().includes("shop.example"));
      assert.equal(said(wire, 0, "C"), "34000");
    },
  ));

test("COPY FROM STDIN works with the Sync that drivers send right after Execute", () =>
  talk(
    [
      encode.query("create table copied (a int)"),
      run("copy copied from stdin"),
      encode.sync(),
      encode.frame("d", Buffer.from("1\n2\n")),
      encode.frame("c"),
      encode.sync(),
      encode.query("select count(*) from copied"),
      encode.query("drop table copied"),
    ],
    4,
    (types) => assert.equal(types, "CZ12GCZTDCZCZ"),
  ));

test("a function call is refused in step", () =>
  talk(
    [encode.frame("F", encode.int32(2559), Buffer.alloc(6)), encode.query("select 1")],
    2,
    (types, wire) => {
      assert.equal(types, "EZTDCZ");
      assert.equal(said(wire, 0, "C"), "0A000");
    },
  ));

test("a syntax error, an empty query and several statements answer as the server answers", () =>
  talk(
    [encode.query(""), encode.query("select 1; select 2"), encode.query("select 1; select 1/0; select 3")],
    3,
    (types) => assert.equal(types, "IZTDCTDCZTDCEZ"),
  ));

test("messages that cannot be read are refused in step", () =>
  talk(
    [
      Buffer.from("5100000007610062", "hex"),
      run("select 1"),
      encode.parseMessage("n".repeat(64), "select 1"),
      run("select 2"),
      encode.sync(),
      encode.query("select 3"),
    ],
    3,
    (types) => assert.equal(types, "EZ12DCEZTDCZ"),
  ));

test("an unknown message closes the connection with an error", async () => {
  const wire = await Wire.open(gateway.port);
  await wire.login({ user: "ihc", database: "postgres" }, gateway.password);
  wire.send(Buffer.from("7a00000004", "hex"));
  assert.ok(await wire.until(() => wire.count("E") > 0, 5000));
  await wire.until(() => false, 3000);
  assert.ok(wire.closed);
});

test("protocol 3.2 gets a long cancel key, 3.9 and unknown extensions are negotiated", async () => {
  const keys: number[] = [];
  for (const [version, extra] of [
    [196_608, {}],
    [196_610, {}],
    [196_617, { "_pq_.foo": "1" }],
  ] as const) {
    const wire = await Wire.open(gateway.port);
    const login = wire.login({ user: "ihc", database: "postgres", ...extra }, gateway.password);
    await login;
    assert.equal(wire.count("v"), "_pq_.foo" in extra ? 1 : 0, String(version));
    keys.push((wire.messages.find(({ type }) => type === "K")?.body.length ?? 0) - 4);
    wire.destroy();
  }
  assert.equal(keys[0], 4);
});

test("what is sent before it is asked for closes the connection", async () => {
  const hello = startup({ user: "ihc", database: "postgres" });
  for (const bytes of [
    Buffer.concat([encode.sslRequest(), hello]),
    Buffer.concat([hello, encode.query("select 1")]),
    Buffer.from("16030100", "hex"),
    Buffer.from("00000004", "hex"),
  ]) {
    const wire = await Wire.open(gateway.port);
    wire.send(bytes);
    await wire.until(() => false, 3000);
    assert.ok(wire.closed);
    assert.equal(wire.count("Z"), 0);
    wire.destroy();
  }
});
