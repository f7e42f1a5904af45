import { IhcError } from "../base/errors.ts";
import { tileWidth } from "../core/audit/tile.ts";
import type { LogExport } from "../core/audit/verify.ts";
import { readTile } from "./hashes.ts";
import type { OpenStore } from "./open.ts";

/** The log for `verifyLog`: all leaves under the newest checkpoint, and their hashes as the tiles have them. */
export async function exportLog(store: OpenStore): Promise<LogExport> {
  const { db } = store.database;
  const head = await db.selectFrom("audit_head").select(["size", "checkpoint"]).executeTakeFirst();
  if (!head) throw new IhcError("not-found", "there is no audit log yet", { hint: "start the gateway once" });
  const { last } = await db
    .selectFrom("audit_leaves")
    .select((is) => is.fn.max("idx").as("last"))
    .executeTakeFirstOrThrow();
  // Entries that came in meanwhile belong to the next checkpoint; entries that nobody signed do not go away by waiting.
  const again = await db.selectFrom("audit_head").select(["size", "checkpoint"]).executeTakeFirst();
  const end =
    again?.size === head.size ? Math.max(head.size, last === null ? 0 : Number(last) + 1) : head.size;
  const leaves: string[] = [];
  const hashes: string[] = [];
  for (let from = 0; from < end; from += tileWidth) {
    leaves.push(...(await store.audit.leaves(from, Math.min(from + tileWidth, end))));
    const tile = await readTile(db, { level: 0, number: from / tileWidth });
    hashes.push(...tile.map((hash) => hash.toString("hex")));
  }
  return { leaves, checkpoint: head.checkpoint, hashes: hashes.slice(0, head.size) };
}
