import type { Kysely } from "kysely";
import { IhcError } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import type { AuditEntry } from "../core/audit/entry.ts";
import { entryText, longestEntry } from "../core/audit/leaf.ts";
import type { Vouch } from "../core/audit/vouch.ts";
import type { QueueSeal } from "./queue-seal.ts";
import type { Schema } from "./schema.ts";
import type { Changes } from "./tables.ts";

/**
 * Writes what a transaction had to say, with the digests of the rows it changed in the last entry. Rows that changed without
 * a word get an entry `row.changed`.
 */
export async function writeQueue(
  db: Kysely<Schema>,
  changes: Changes,
  seal: QueueSeal,
  now: Date,
): Promise<number> {
  const entries = [...changes.entries];
  if (changes.vouches.length > 0) {
    const last = entries.pop() ?? { kind: "row.changed", at: now, actor: "gateway", detail: {} };
    entries.push({ ...last, detail: { ...last.detail, vouches: changes.vouches.map(json) } });
  }
  if (entries.length === 0) return 0;
  await db
    .insertInto("audit_queue")
    .values(entries.map(fitting).map((body) => ({ body, mac: seal.mac(body) })))
    .execute();
  return entries.length;
}

function json({ table, id, version, digest }: Vouch): Json {
  return { table, id, version, digest };
}

function fitting(entry: AuditEntry): string {
  const text = entryText(entry);
  if (Buffer.byteLength(text) > longestEntry)
    throw new IhcError("too-large", "an audit entry is too long", {
      hint: "put long texts through clippedText",
    });
  return text;
}
