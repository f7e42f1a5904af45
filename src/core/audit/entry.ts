import type { Json } from "../../base/json.ts";

/**
 * One decision or fact in the audit log. `detail` holds masked texts only, long ones cut by `clippedText` (an entry that is
 * too long is refused). The canonical JSON of {kind, at, actor, detail, index} is the leaf that the tree hashes. `vouches` in
 * `detail` is the store's own: the digests of the rows that changed in the entry's transaction.
 */
export interface AuditEntry {
  /** Such as `request.created`, `request.approved`, `grant.revoked`, `session.opened`, `operation.denied`, `journal.sealed`, `session.replayed`. */
  readonly kind: string;
  readonly at: Date;
  /** Who did it: a person's name, or `gateway`. */
  readonly actor: string;
  readonly detail: { readonly [key: string]: Json };
}

/** An entry with its place in the log. */
export interface SequencedEntry {
  readonly index: number;
  readonly entry: AuditEntry;
}
