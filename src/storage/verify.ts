import type { Kysely } from "kysely";
import { sha256 } from "../base/bytes.ts";
import { parseId } from "../base/ids.ts";
import type { Json } from "../base/json.ts";
import { parseLeaf } from "../core/audit/leaf.ts";
import { verifyLog } from "../core/audit/verify.ts";
import { rowText, type Vouch, type VouchedTable, vouchesOf } from "../core/audit/vouch.ts";
import { exportLog } from "./export.ts";
import type { Journals } from "./journals.ts";
import type { OpenStore } from "./open.ts";
import { grantKind, type RecordKind, requestKind, sessionKind } from "./records.ts";
import type { RecordRow, Schema } from "./schema.ts";
import { storedChunk } from "./stored.ts";
import { chunkId } from "./tables.ts";

interface StoreProblem {
  /** `entry 7`, `requests req_…`, `ses_… gateway chunk 3`, `checkpoint`. */
  readonly where: string;
  readonly message: string;
}

export interface StoreVerdict {
  readonly entries: number;
  readonly rows: number;
  readonly chunks: number;
  /** Entries that wait for their place; rows that they vouch for are believed until then. */
  readonly pending: number;
  readonly problems: readonly StoreProblem[];
}

/**
 * Checks everything on the gateway's own host: the log against the signed checkpoint (and those seen before), each row against
 * what the log last said of it, each recording's file against its row. Changed, removed and smuggled-in rows are named.
 */
export async function verifyStore(
  store: OpenStore,
  journals: Journals,
  verifier: string,
  seen: readonly string[] = [],
): Promise<StoreVerdict> {
  const { rows, pending, log, problems: first } = await compareRows(store);
  const problems: StoreProblem[] = verifyLog(log, verifier, seen).problems.map(
    ({ index, kind, message }) => ({
      where: index === undefined ? kind : `entry ${index}`,
      message,
    }),
  );
  if (first.length > 0) {
    // A row that a running gateway changes while we read looks changed; one that was tampered with stays so.
    const again = new Set((await compareRows(store)).problems.map(({ message }) => message));
    problems.push(...first.filter(({ message }) => again.has(message)));
  }
  const sessions = new Set(
    rows.flatMap(({ table, session }) => (table === "chunks" && session ? [session] : [])),
  );
  for (const name of sessions) {
    const session = parseId("ses", name);
    if (!session) continue;
    for (const { track, number, message } of await journals.verify(session))
      problems.push({ where: `${session} ${track} chunk ${number}`, message });
  }
  const chunks = rows.filter(({ table }) => table === "chunks").length;
  return { entries: log.leaves.length, rows: rows.length, chunks, pending, problems };
}

/** Rows first, then what waits, then the log: an entry that moves meanwhile is seen at least once. */
async function compareRows(store: OpenStore) {
  const rows = await readRows(store.database.db);
  const { db, seal } = store.database;
  const waiting = await db.selectFrom("audit_queue").select(["body", "mac"]).orderBy("id").execute();
  const queued = waiting.filter(({ body, mac }) => seal.fits(body, mac));
  const log = await exportLog(store);
  const vouches = latest([...log.leaves.map(leafDetail), ...queued.map(({ body }) => queuedDetail(body))]);
  const problems = [...rows.flatMap((row) => rowProblems(row, vouches)), ...removedRows(rows, vouches)];
  return { rows, pending: waiting.length, log, problems };
}

interface FoundRow {
  readonly table: VouchedTable;
  readonly id: string;
  readonly session: string | null;
  readonly body: string;
  /** The columns beside the body repeat it, as they must. */
  readonly agrees: boolean;
}

async function readRows(db: Kysely<Schema>): Promise<readonly FoundRow[]> {
  const found: FoundRow[] = [];
  for (const kind of [requestKind, grantKind, sessionKind])
    for (const row of await db.selectFrom(kind.table).selectAll().orderBy("id").execute())
      found.push({
        table: kind.table,
        id: row.id,
        session: row.session,
        body: row.body,
        agrees: columnsAgree<never>(kind as RecordKind<never>, row),
      });
  for (const { id, session, track, number, body } of await db
    .selectFrom("chunks")
    .selectAll()
    .orderBy("id")
    .execute())
    found.push({
      table: "chunks",
      id,
      session,
      body,
      agrees: chunkAgrees(body, id, `${session}/${track}/${number}`),
    });
  return found;
}

function columnsAgree<T>(kind: RecordKind<T>, row: RecordRow): boolean {
  try {
    const expected: Json = { ...kind.row(kind.read(row.body)) };
    const actual: Json = { ...row, created_at: Number(row.created_at), expires_at: Number(row.expires_at) };
    return rowText(expected) === rowText(actual);
  } catch {
    return false;
  }
}

function chunkAgrees(body: string, id: string, place: string): boolean {
  try {
    return id === place && chunkId(storedChunk(body)) === id;
  } catch {
    return false;
  }
}

function rowProblems(row: FoundRow, vouches: ReadonlyMap<string, Vouch>): StoreProblem[] {
  const where = `${row.table} ${row.id}`;
  const vouch = vouches.get(where);
  if (!vouch)
    return [{ where, message: `${where} is in the database, and the audit log knows nothing of it` }];
  if (sha256(row.body) !== vouch.digest || !row.agrees)
    return [
      { where, message: `${where} was changed behind the audit log (last logged: version ${vouch.version})` },
    ];
  return [];
}

function removedRows(rows: readonly FoundRow[], vouches: ReadonlyMap<string, Vouch>): StoreProblem[] {
  const present = new Set(rows.map(({ table, id }) => `${table} ${id}`));
  return [...vouches.keys()]
    .filter((where) => !present.has(where))
    .map((where) => ({ where, message: `${where} was removed from the database` }));
}

/** What the log last said of each row, by `table id`. */
function latest(details: readonly (Json | undefined)[]): ReadonlyMap<string, Vouch> {
  const vouches = new Map<string, Vouch>();
  for (const detail of details)
    for (const vouch of vouchesOf(detail)) {
      const name = `${vouch.table} ${vouch.id}`;
      if (vouch.version >= (vouches.get(name)?.version ?? 0)) vouches.set(name, vouch);
    }
  return vouches;
}

/** A leaf that cannot be read is among the log's own problems already. */
function leafDetail(leaf: string): Json | undefined {
  try {
    return parseLeaf(leaf).entry.detail;
  } catch {
    return undefined;
  }
}

function queuedDetail(body: string): Json | undefined {
  try {
    const { detail }: { readonly detail?: Json } = JSON.parse(body);
    return detail;
  } catch {
    return undefined;
  }
}
