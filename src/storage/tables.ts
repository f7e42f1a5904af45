import type { Kysely } from "kysely";
import { IhcError } from "../base/errors.ts";
import type { AuditEntry } from "../core/audit/entry.ts";
import { rowDigest, rowText, type Vouch } from "../core/audit/vouch.ts";
import {
  getRecord,
  grantKind,
  insertRecord,
  listRecords,
  type RecordKind,
  replaceRecord,
  requestKind,
  sessionKind,
} from "./records.ts";
import type { Schema } from "./schema.ts";
import type { ChunkRecord, Chunks, Grants, Requests, Sessions, Tables } from "./store.ts";
import { storedChunk } from "./stored.ts";

/** What a transaction has changed and said, for the queue that is written before it commits. */
export interface Changes {
  readonly vouches: Vouch[];
  readonly entries: AuditEntry[];
}

/** The store's tables inside one transaction. */
export function transactionTables(db: Kysely<Schema>, changes: Changes): Tables {
  return {
    requests: records(db, requestKind, changes),
    grants: records(db, grantKind, changes),
    sessions: records(db, sessionKind, changes),
    chunks: chunks(db, changes),
    enqueue: async (entry) => {
      if ("vouches" in entry.detail) throw new IhcError("internal", "the store alone vouches for rows");
      changes.entries.push(entry);
    },
  };
}

interface Versioned {
  readonly id: string;
  readonly version: number;
}

/** Requests, Grants and Sessions differ in their types only. */
function records<T extends Versioned>(db: Kysely<Schema>, kind: RecordKind<T>, { vouches }: Changes) {
  const vouch = (record: T): void => {
    vouches.push({ table: kind.table, id: record.id, version: record.version, digest: rowDigest(record) });
  };
  return {
    insert: async (record: T): Promise<void> => {
      await insertRecord(db, kind, record);
      vouch(record);
    },
    get: (id: string): Promise<T | undefined> => getRecord(db, kind, id),
    list: (filter: object): Promise<readonly T[]> => listRecords(db, kind, filter),
    replace: async (next: T): Promise<boolean> => {
      const replaced = await replaceRecord(db, kind, next);
      if (replaced) vouch(next);
      return replaced;
    },
  } satisfies Requests | Grants | Sessions | object;
}

function chunks(db: Kysely<Schema>, { vouches }: Changes): Chunks {
  return {
    insert: async (chunk) => {
      const { session, track, number } = chunk;
      const id = chunkId(chunk);
      const { numInsertedOrUpdatedRows } = await db
        .insertInto("chunks")
        .values({ id, session, track, number, body: rowText(chunk) })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirst();
      if (numInsertedOrUpdatedRows !== 1n)
        throw new IhcError("conflict", "this part of the recording is already there and is never replaced");
      vouches.push({ table: "chunks", id, version: 1, digest: rowDigest(chunk) });
    },
    list: async (session) => {
      const rows = await db
        .selectFrom("chunks")
        .select("body")
        .where("session", "=", session)
        .orderBy("track", "desc")
        .orderBy("number")
        .execute();
      return rows.map((row) => storedChunk(row.body));
    },
  };
}

/** The name under which the audit log vouches for a chunk. */
export function chunkId(chunk: Pick<ChunkRecord, "session" | "track" | "number">): string {
  return `${chunk.session}/${chunk.track}/${chunk.number}`;
}
