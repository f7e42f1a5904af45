import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

export const initial: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    for (const table of ["requests", "grants", "sessions"]) await createRecords(db, table);
    await db.schema
      .createTable("chunks")
      .addColumn("id", "text", (column) => column.primaryKey())
      .addColumn("session", "text", (column) => column.notNull())
      .addColumn("track", "text", (column) => column.notNull())
      .addColumn("number", "integer", (column) => column.notNull())
      .addColumn("body", "text", (column) => column.notNull())
      .addUniqueConstraint("chunks_place", ["session", "track", "number"])
      .execute();
    await createLog(db);
  },
};

async function createRecords(db: Kysely<unknown>, table: string): Promise<void> {
  await db.schema
    .createTable(table)
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("person", "text", (column) => column.notNull())
    .addColumn("target", "text", (column) => column.notNull())
    .addColumn("session", "text")
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addColumn("body", "text", (column) => column.notNull())
    .execute();
  for (const columns of [["state", "expires_at"], ["person", "created_at"], ["created_at"]])
    await db.schema
      .createIndex(`${table}_${columns.join("_")}`)
      .on(table)
      .columns(columns)
      .execute();
}

async function createLog(db: Kysely<unknown>): Promise<void> {
  // SQLite numbers an `integer` primary key by itself; autoincrement keeps a drained queue from using a number again.
  const sqlite = db.getExecutor().adapter.supportsMultipleConnections === false;
  await db.schema
    .createTable("audit_queue")
    .addColumn("id", sqlite ? "integer" : "bigserial", (column) =>
      sqlite ? column.primaryKey().autoIncrement() : column.primaryKey(),
    )
    .addColumn("body", "text", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("audit_leaves")
    .addColumn("idx", "integer", (column) => column.primaryKey())
    .addColumn("leaf", "text", (column) => column.notNull())
    .execute();
  await db.schema
    .createTable("audit_tiles")
    .addColumn("level", "integer", (column) => column.notNull())
    .addColumn("number", "integer", (column) => column.notNull())
    .addColumn("hashes", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("audit_tiles_place", ["level", "number"])
    .execute();
  await db.schema
    .createTable("audit_head")
    .addColumn("id", "integer", (column) => column.primaryKey())
    .addColumn("size", "integer", (column) => column.notNull())
    .addColumn("verifier", "text", (column) => column.notNull())
    .addColumn("checkpoint", "text", (column) => column.notNull())
    .execute();
}
