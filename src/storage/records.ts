import type { Kysely } from "kysely";
import { IhcError } from "../base/errors.ts";
import type { Grant } from "../core/access/grant.ts";
import type { AccessRequest } from "../core/access/request.ts";
import type { SessionRecord } from "../core/access/session-record.ts";
import { rowText } from "../core/audit/vouch.ts";
import type { RecordRow, Schema } from "./schema.ts";
import type { RequestFilter } from "./store.ts";
import { storedGrant, storedRequest, storedSession } from "./stored.ts";

type RecordTable = "requests" | "grants" | "sessions";

/** How one kind of record lies in its table. */
export interface RecordKind<T> {
  readonly table: RecordTable;
  readonly what: string;
  row(record: T): RecordRow;
  read(body: string): T;
  /** The state whose time can run out. */
  readonly running: string;
}

export const requestKind: RecordKind<AccessRequest> = {
  table: "requests",
  what: "request",
  running: "pending",
  read: storedRequest,
  row: (request) => ({
    id: request.id,
    version: request.version,
    state: request.state,
    person: request.requester.person,
    target: request.target,
    session: request.operation?.session ?? null,
    created_at: request.createdAt.getTime(),
    expires_at: request.expiresAt.getTime(),
    body: rowText(request),
  }),
};

export const grantKind: RecordKind<Grant> = {
  table: "grants",
  what: "grant",
  running: "active",
  read: storedGrant,
  row: (grant) => ({
    id: grant.id,
    version: grant.version,
    state: grant.state,
    person: grant.principal.person,
    target: grant.target,
    session: null,
    created_at: grant.startsAt.getTime(),
    expires_at: grant.expiresAt.getTime(),
    body: rowText(grant),
  }),
};

export const sessionKind: RecordKind<SessionRecord> = {
  table: "sessions",
  what: "session",
  running: "open",
  read: storedSession,
  row: (session) => ({
    id: session.id,
    version: session.version,
    state: session.state,
    person: session.principal.person,
    target: session.target,
    session: session.id,
    created_at: session.openedAt.getTime(),
    expires_at: session.expiresAt.getTime(),
    body: rowText(session),
  }),
};

/** Adds a record; a second one with its id is a `conflict`. */
export async function insertRecord<T>(
  db: Kysely<Schema>,
  kind: RecordKind<T>,
  record: T,
): Promise<RecordRow> {
  const row = kind.row(record);
  const { numInsertedOrUpdatedRows } = await db
    .insertInto(kind.table)
    .values(row)
    .onConflict((conflict) => conflict.column("id").doNothing())
    .executeTakeFirst();
  if (numInsertedOrUpdatedRows !== 1n)
    throw new IhcError("conflict", `there is already a ${kind.what} with this id`);
  return row;
}

export async function getRecord<T>(
  db: Kysely<Schema>,
  kind: RecordKind<T>,
  id: string,
): Promise<T | undefined> {
  const row = await db.selectFrom(kind.table).select("body").where("id", "=", id).executeTakeFirst();
  return row && kind.read(row.body);
}

/** Stores the next version if the row is still at the one before, and says whether it was. */
export async function replaceRecord<T>(db: Kysely<Schema>, kind: RecordKind<T>, next: T): Promise<boolean> {
  const { id, ...row } = kind.row(next);
  const { numUpdatedRows } = await db
    .updateTable(kind.table)
    .set(row)
    .where("id", "=", id)
    .where("version", "=", row.version - 1)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** Any filter of the store; each kind of record offers the part that makes sense for it. */
export type RecordFilter = Omit<RequestFilter, "states"> & { readonly states?: readonly string[] };

const defaultLimit = 1000;

export async function listRecords<T>(
  db: Kysely<Schema>,
  kind: RecordKind<T>,
  filter: RecordFilter,
): Promise<T[]> {
  const { states, person, target, session, prefix, dueAt, before } = filter;
  if (states?.length === 0) return [];
  const rows = await db
    .selectFrom(kind.table)
    .select("body")
    .$if(states !== undefined, (query) => query.where("state", "in", [...(states ?? [])]))
    .$if(person !== undefined, (query) => query.where("person", "=", person ?? ""))
    .$if(target !== undefined, (query) => query.where("target", "=", target ?? ""))
    .$if(session !== undefined, (query) => query.where("session", "=", session ?? ""))
    .$if(prefix !== undefined, (query) =>
      // Not LIKE: it ignores case on SQLite, and the `_` of every id is its wildcard.
      query.where((is) =>
        is(is.fn<string>("substr", ["id", is.lit(1), is.lit(prefix?.length ?? 0)]), "=", prefix ?? ""),
      ),
    )
    .$if(dueAt !== undefined, (query) =>
      query.where("state", "=", kind.running).where("expires_at", "<=", dueAt?.getTime() ?? 0),
    )
    .$if(before !== undefined, (query) => query.where("created_at", "<", before?.getTime() ?? 0))
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(filter.limit ?? defaultLimit)
    .execute();
  return rows.map((row) => kind.read(row.body));
}
