import type { GrantId, RequestId, SessionId } from "../base/ids.ts";
import type { Grant, GrantState } from "../core/access/grant.ts";
import type { PersonId } from "../core/access/principal.ts";
import type { AccessRequest, RequestState } from "../core/access/request.ts";
import type { SessionRecord, SessionState } from "../core/access/session-record.ts";
import type { AuditEntry } from "../core/audit/entry.ts";

/**
 * Everything the gateway keeps, the same on SQLite and PostgreSQL. Every change is compare-and-set: `replace` stores `next`
 * only if the row still has `next.version - 1`, and says whether it did.
 */
export interface Store extends Tables {
  /**
   * Runs `work` in one transaction: either all its changes and audit entries are durable when this resolves, or none is.
   * A rejection of `work` rolls back. On PostgreSQL `work` may run again after a serialization failure.
   */
  atomically<T>(work: (tables: Tables) => Promise<T>): Promise<T>;
  readonly audit: AuditReader;
  close(): Promise<void>;
}

export interface Tables {
  readonly requests: Requests;
  readonly grants: Grants;
  readonly sessions: Sessions;
  readonly chunks: Chunks;
  /**
   * Adds an entry to the audit log's queue; the sequencer gives it its place. Part of the transaction: its last entry also gets
   * the digests of the rows that the transaction changed (core/audit/vouch), so `verifyStore` finds every row that was changed
   * by another way. Throws IhcError `too-large` for an entry over 65,000 bytes.
   */
  enqueue(entry: AuditEntry): Promise<void>;
}

export interface Requests {
  insert(request: AccessRequest): Promise<void>;
  get(id: RequestId): Promise<AccessRequest | undefined>;
  /** Newest first. `prefix` matches the beginning of the id. */
  list(filter: RequestFilter): Promise<readonly AccessRequest[]>;
  replace(next: AccessRequest): Promise<boolean>;
}

export interface RequestFilter {
  readonly states?: readonly RequestState[];
  readonly person?: PersonId;
  readonly target?: string;
  readonly session?: SessionId;
  readonly prefix?: string;
  /** Pending ones whose time is up at this moment. */
  readonly dueAt?: Date;
  readonly before?: Date;
  readonly limit?: number;
}

export interface Grants {
  insert(grant: Grant): Promise<void>;
  get(id: GrantId): Promise<Grant | undefined>;
  list(filter: GrantFilter): Promise<readonly Grant[]>;
  replace(next: Grant): Promise<boolean>;
}

export interface GrantFilter {
  readonly states?: readonly GrantState[];
  readonly person?: PersonId;
  readonly target?: string;
  readonly prefix?: string;
  readonly dueAt?: Date;
  readonly limit?: number;
}

export interface Sessions {
  insert(session: SessionRecord): Promise<void>;
  get(id: SessionId): Promise<SessionRecord | undefined>;
  list(filter: SessionFilter): Promise<readonly SessionRecord[]>;
  replace(next: SessionRecord): Promise<boolean>;
}

export interface SessionFilter {
  readonly states?: readonly SessionState[];
  readonly person?: PersonId;
  readonly target?: string;
  readonly prefix?: string;
  readonly limit?: number;
}

/** Sealed chunks of recordings; the bytes are files, this is the list that the audit log's `journal.sealed` entries vouch for. */
export interface Chunks {
  /** Write-once: a second insert of the same session, track and number throws IhcError `conflict`. */
  insert(chunk: ChunkRecord): Promise<void>;
  list(session: SessionId): Promise<readonly ChunkRecord[]>;
}

export interface ChunkRecord {
  readonly session: SessionId;
  readonly track: "gateway" | "client";
  readonly number: number;
  readonly digest: string;
  readonly previous: string;
  readonly bytes: number;
  readonly events: number;
  readonly sealedAt: Date;
  /** Of a client's chunk: the digest of what was uploaded, before it was encrypted for the auditors. */
  readonly received?: string;
  /** Of a client's chunk: it came after the session had ended. */
  readonly late?: boolean;
  /** Of a client's chunk: it holds the track's end. */
  readonly last?: boolean;
}

/** The sequenced log. Writing is the sequencer's alone (`storage/audit`). */
export interface AuditReader {
  /** The newest signed checkpoint (C2SP signed note), undefined before the first entry. */
  checkpoint(): Promise<string | undefined>;
  size(): Promise<number>;
  /** Leaves as stored, in order: the canonical JSON bytes that were hashed. */
  leaves(from: number, to: number): Promise<readonly string[]>;
  /** Entries not sequenced yet. */
  pending(): Promise<number>;
}
