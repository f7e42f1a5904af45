import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { ownersView } from "../../src/demo/sql.ts";
import { type Role, type ShopTarget, startShop } from "../../src/demo/targets.ts";

let folder: string;
let shop: ShopTarget;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "ihc-shop-"));
  chmodSync(folder, 0o711);
  const { PATH: searchPath = "/usr/bin:/bin" } = process.env;
  shop = await startShop(folder, searchPath);
});
after(async () => {
  await shop.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("the shop holds what the story tells: customer 7 with 129.00, order 4711 stuck, thousands of others", async () => {
  assert.equal(
    await ownersView(shop, "select email || ' ' || total from customers where id = 7"),
    "amelie@laforge.io 129.00",
  );
  assert.equal(await ownersView(shop, "select status from orders where id = 4711"), "stuck");
  assert.equal(await ownersView(shop, "select count(*) from orders where status = 'stuck'"), "15");
  assert.equal(await ownersView(shop, "select count(*) from customers"), "2400");
});

for (const [title, sql] of [
  ["write", "update orders set status = 'retry' where id = 1"],
  ["write after asking for it", "set default_transaction_read_only = off; delete from orders where id = 1"],
  ["create", "create table t (i int)"],
  ["create temporarily", "set transaction_read_only = off; create temp table t (i int)"],
  ["become somebody", "set role postgres"],
  ["read files", "select pg_read_file('/etc/passwd')"],
  ["run programs", "copy products to program 'true'"],
  ["keep large objects", "select lo_from_bytea(0, 'x')"],
] as const)
  test(`the reader's role alone cannot ${title}`, async () => {
    await assert.rejects(runAs(shop.reader, sql), { name: "error" });
  });

test("the writer's role may change orders and nothing else", async () => {
  await runAs(shop.writer, "begin; update orders set status = 'retry' where id = 4711; rollback");
  await assert.rejects(runAs(shop.writer, "update customers set total = 0"), { code: "42501" });
  await assert.rejects(runAs(shop.writer, "truncate orders"), { code: "42501" });
  await assert.rejects(runAs(shop.writer, "drop table orders"), { code: "42501" });
});

async function runAs(role: Role, sql: string): Promise<void> {
  const client = new pg.Client({ host: "127.0.0.1", port: shop.port, database: shop.database, ...role });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
