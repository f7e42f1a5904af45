import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { ownersView } from "../../src/demo/sql.ts";
import { type Connection, startWorld, type World } from "../support/world.ts";

let world: World;
let connection: Connection;

before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee");
  connection = await world.connect("ana", { approver: "lee" });
});
after(() => world.stop());

test("server-postgres reads through the tunnel masked, and its COMMIT trick deletes nothing", async () => {
  const server = bin("@modelcontextprotocol/server-postgres", "dist/index.js");
  await withServer([server, connection.client.dsn], async (client) => {
    const seen = await call(client, "query", { sql: "select id, email from customers where id = 7" });
    assert.match(seen, /a\*\*\*@\*\*\*\.io/);
    assert.doesNotMatch(seen, /amelie|laforge/);
    const before = await ownersView(world.shop, "select count(*) from orders");
    const trick = await call(client, "query", { sql: "COMMIT; delete from orders" });
    assert.match(trick, /no-unbounded-delete|multi-statement|denied/);
    assert.equal(await ownersView(world.shop, "select count(*) from orders"), before);
    assert.match(await call(client, "query", { sql: "select count(*) from orders" }), /4800/);
  });
});

test("dbhub introspects and queries through the tunnel, masked", async () => {
  const server = bin("@bytebase/dbhub", "dist/index.js");
  const dsn = connection.client.dsn.replace("ihc@", `ihc:${connection.client.password}@`);
  await withServer([server, "--transport", "stdio", "--dsn", dsn], async (client) => {
    const { tools } = await client.listTools();
    const execute = tools.find((tool) => tool.name.startsWith("execute_sql"));
    assert.ok(execute, tools.map((tool) => tool.name).join(" "));
    const seen = await call(client, execute.name, { sql: "select id, email from customers where id = 7" });
    assert.match(seen, /a\*\*\*@\*\*\*\.io/);
    assert.doesNotMatch(seen, /amelie|laforge/);
    const search = tools.find((tool) => tool.name.startsWith("search_objects"));
    assert.ok(search);
    const tables = await call(client, search.name, { object_type: "table", pattern: "%", schema: "public" });
    assert.match(tables, /customers[\s\S]*orders/);
    const refused = await call(client, execute.name, { sql: "select pg_terminate_backend(1)" });
    assert.match(refused, /denied/);
  });
});

async function withServer(command: string[], work: (client: Client) => Promise<void>): Promise<void> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: command,
    env: { ...connection.client.environment, PGPASSWORD: connection.client.password },
    stderr: "ignore",
  });
  const client = new Client({ name: "test", version: "0.0.0" });
  await client.connect(transport, { timeout: 20_000 });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

/** What the model would read, an error's text included. */
async function call(client: Client, name: string, args: Record<string, unknown>): Promise<string> {
  try {
    return JSON.stringify(await client.callTool({ name, arguments: args }, { timeout: 20_000 }));
  } catch (error) {
    return String(error);
  }
}

function bin(name: string, file: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
}
