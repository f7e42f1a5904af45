import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import postgres from "postgres";
import { start } from "../../src/demo/run.ts";
import { type Connection, startWorld, type World } from "../support/world.ts";

let world: World;
let connection: Connection;

before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee", "sam");
  connection = await world.connect("ana", { approver: "lee" });
});
after(() => world.stop());

test("the pg driver reads masked rows by simple and extended query", () =>
  withPg(async (client) => {
    const simple = await client.query("select id, email, total from customers where id = 7");
    assert.deepEqual(simple.rows, [{ id: 7, email: "a***@***.io", total: "129.00" }]);
    const bound = await client.query("select id, email from customers where id = $1", [7]);
    assert.deepEqual(bound.rows, [{ id: 7, email: "a***@***.io" }]);
    const named = { name: "by-id", text: "select email as contact from customers where id = $1" };
    for (const id of [7, 7]) {
      const { rows } = await client.query<{ contact: string }>({ ...named, values: [id] });
      assert.deepEqual(rows, [{ contact: "a***@***.io" }]);
    }
  }));

test("a refusal inside a transaction leaves it as PostgreSQL would: aborted until rollback, then usable", () =>
  withPg(async (client) => {
    await client.query("begin");
    await assert.rejects(client.query("delete from orders"), {
      message: /denied by rule no-unbounded-delete/,
    });
    await assert.rejects(client.query("select 1"), { code: "25P02" });
    await client.query("rollback");
    assert.deepEqual((await client.query("select 1 as one")).rows, [{ one: 1 }]);
  }));

test("postgres.js pipelines on several connections and sees masks everywhere", async () => {
  const { client } = connection;
  const sql = postgres({
    host: "127.0.0.1",
    port: client.port,
    database: "app",
    username: "ihc",
    password: client.password,
    ssl: false,
    max: 4,
    fetch_types: false,
  });
  try {
    const ids = Array.from({ length: 40 }, (_, index) => index + 1);
    const rows = await Promise.all(
      ids.map((id) => sql`select id, email, name from customers where id = ${id}`),
    );
    assert.deepEqual(
      rows.map(([row]) => row?.["id"]),
      ids,
    );
    for (const [row] of rows) assert.match(String(row?.["email"]), /^.\*{3}@\*{3}\./);
  } finally {
    await sql.end({ timeout: 5 });
  }
});

test("psql lists tables, reads rows, and shows rule and hint of a refusal", async () => {
  const { psql, environment } = connection.client;
  assert.ok(psql, "install postgresql-client to run the end-to-end tests");
  const run = async (...args: string[]) => {
    const running = start(psql, ["-X", "--no-password", ...args], { env: environment });
    return { code: await running.ended(), output: running.output() };
  };
  const listed = await run("-c", "\\dt");
  assert.equal(listed.code, 0, listed.output);
  assert.match(listed.output, /customers[\s\S]*orders[\s\S]*products/);
  const row = await run("-At", "-c", "select id, email, total from customers where id = 7");
  assert.equal(row.output.trim(), "7|a***@***.io|129.00");
  const refused = await run("-c", "delete from orders");
  assert.notEqual(refused.code, 0);
  assert.match(refused.output, /ERROR: {2}ihc: denied by rule no-unbounded-delete/);
  assert.match(refused.output, /HINT: {2}/);
});

test("nobody gets in by the local port without the session's password", async () => {
  for (const password of ["", "wrong", `${connection.client.password}x`]) {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: connection.client.port,
      user: "ihc",
      database: "app",
      password,
      ssl: false,
    });
    client.on("error", () => undefined);
    await assert.rejects(client.connect(), Error, `password ${JSON.stringify(password)}`);
    await client.end();
  }
});

test("a command after -- gets the connection by its environment and its exit code is ours", async () => {
  const query = "select email from customers where id = 7";
  const good = await world.does("ana", ["connect", "prod-db", "--", "psql", "-X", "-At", "-c", query]);
  assert.equal(good.stdout().trim(), "a***@***.io");
  await world.does("ana", ["connect", "prod-db", "--", "sh", "-c", "exit 42"], 42);
});

test("no stored or printed text of the session holds what is masked", async () => {
  await withPg((client) => client.query("select * from customers where id = 7"));
  const replay = await world.does("sam", ["replay", connection.session, "--format", "text"]);
  assert.match(replay.output(), /a\*\*\*@\*\*\*\.io/);
  assert.doesNotMatch(replay.output(), /amelie@laforge\.io|991-17-0049|4000056655665556|555-149-0259/);
});

async function withPg<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { port, password } = connection.client;
  const client = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "ihc",
    database: "app",
    password,
    ssl: false,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
