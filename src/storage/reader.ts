import type { Kysely } from "kysely";
import type { Schema } from "./schema.ts";
import type { AuditReader } from "./store.ts";

/** Reads the sequenced log. */
export function auditReader(db: Kysely<Schema>): AuditReader {
  const head = () => db.selectFrom("audit_head").select(["size", "checkpoint"]).executeTakeFirst();
  return {
    checkpoint: async () => {
      const found = await head();
      return found && found.size > 0 ? found.checkpoint : undefined;
    },
    size: async () => (await head())?.size ?? 0,
    leaves: async (from, to) => {
      const rows = await db
        .selectFrom("audit_leaves")
        .select("leaf")
        .where("idx", ">=", from)
        .where("idx", "<", to)
        .orderBy("idx")
        .execute();
      return rows.map((row) => row.leaf);
    },
    pending: async () => {
      const row = await db
        .selectFrom("audit_queue")
        .select((is) => is.fn.countAll().as("waiting"))
        .executeTakeFirst();
      return Number(row?.waiting ?? 0);
    },
  };
}
