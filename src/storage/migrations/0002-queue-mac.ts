import type { Kysely } from "kysely";
import type { Migration } from "kysely/migration";

/** What waits for its place in the audit log is authenticated; see storage/queue-seal. */
export const queueMac: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .alterTable("audit_queue")
      .addColumn("mac", "text", (column) => column.notNull().defaultTo(""))
      .execute();
  },
};
