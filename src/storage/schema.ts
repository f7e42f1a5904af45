import type { Generated } from "kysely";

/** The database as kysely knows it, the same on both dialects. Times are milliseconds since 1970, bodies canonical JSON. */
export interface Schema {
  requests: RecordRow;
  grants: RecordRow;
  sessions: RecordRow;
  chunks: ChunkRow;
  audit_queue: { id: Generated<number>; body: string; mac: string };
  audit_leaves: { idx: number; leaf: string };
  audit_tiles: { level: number; number: number; hashes: string };
  audit_head: HeadRow;
}

/** A record and, beside it, what is searched or compared. The columns repeat the body and never contradict it. */
export interface RecordRow {
  id: string;
  version: number;
  state: string;
  person: string;
  target: string;
  session: string | null;
  created_at: number;
  expires_at: number;
  body: string;
}

interface ChunkRow {
  id: string;
  session: string;
  track: string;
  number: number;
  body: string;
}

/** One row, whose lock is the right to append. */
export interface HeadRow {
  id: number;
  size: number;
  /** The verifier key of the log; a gateway with another key must not sign. */
  verifier: string;
  checkpoint: string;
}
