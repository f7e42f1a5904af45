import { IhcError } from "../base/errors.ts";
import type { SessionId } from "../base/ids.ts";
import { openCheckpoint } from "../core/audit/checkpoint.ts";
import type { SequencedEntry } from "../core/audit/entry.ts";
import type { Evidence, EvidenceEntry, EvidenceRow } from "../core/audit/evidence.ts";
import { parseLeaf } from "../core/audit/leaf.ts";
import { rowText, vouchesOf } from "../core/audit/vouch.ts";
import { treeHashes } from "./hashes.ts";
import type { Journals } from "./journals.ts";
import type { OpenStore } from "./open.ts";
import { chunkId } from "./tables.ts";

/**
 * Gathers a session's evidence: its recording, its row and those of its grant and requests, every audit entry that names one
 * of them, each with an inclusion proof under the newest checkpoint. Call the sequencer's `flush` first: what is not in the
 * log yet cannot be proven, and a row that changed since is reported by `verifyEvidence` as not vouched for.
 */
export async function buildEvidence(
  store: OpenStore,
  journals: Journals,
  verifier: string,
  session: SessionId,
): Promise<Evidence> {
  const record = await store.sessions.get(session);
  const checkpoint = await store.audit.checkpoint();
  if (!record || !checkpoint) throw new IhcError("not-found", "there is no such session");
  const { size } = openCheckpoint(checkpoint, verifier);

  const rows: EvidenceRow[] = [{ table: "sessions", id: session, body: rowText(record) }];
  const grant = record.grant === undefined ? undefined : await store.grants.get(record.grant);
  if (grant) rows.push({ table: "grants", id: grant.id, body: rowText(grant) });
  const asked = grant ? await store.requests.get(grant.request) : undefined;
  const held = await store.requests.list({ session, limit: 100_000 });
  for (const request of asked ? [asked, ...held] : held)
    rows.push({ table: "requests", id: request.id, body: rowText(request) });

  const files: Record<string, string> = {};
  for (const chunk of await store.chunks.list(session)) {
    rows.push({ table: "chunks", id: chunkId(chunk), body: rowText(chunk) });
    const bytes = await journals.chunk(chunk);
    if (bytes) files[`${chunk.track}/${chunk.number}`] = bytes.toString("base64");
  }
  const entries = await entriesOf(store, size, new Set([session, ...rows.map(({ id }) => id)]));
  const { policyVersion } = record;
  return { format: "ihc-evidence-1", session, policyVersion, verifier, checkpoint, entries, rows, files };
}

const window = 1024;

async function entriesOf(
  store: OpenStore,
  size: number,
  ids: ReadonlySet<string>,
): Promise<readonly EvidenceEntry[]> {
  const hashes = treeHashes(store.database.db);
  const found: EvidenceEntry[] = [];
  for (let from = 0; from < size; from += window) {
    const leaves = await store.audit.leaves(from, Math.min(from + window, size));
    for (const [at, leaf] of leaves.entries()) {
      if (!concerns(leaf, ids)) continue;
      const proof = await hashes.inclusion(from + at, size);
      found.push({ index: from + at, leaf, proof: proof.map((hash) => hash.toString("base64")) });
    }
  }
  return found;
}

/** Whether an entry names one of these ids, in its detail or among the rows that it vouches for. */
function concerns(leaf: string, ids: ReadonlySet<string>): boolean {
  const parsed = readLeaf(leaf);
  if (!parsed) return false;
  const { detail } = parsed.entry;
  const named = Object.values(detail).some((value) => typeof value === "string" && ids.has(value));
  return named || vouchesOf(detail).some(({ id }) => ids.has(id));
}

/** A leaf that was changed beyond reading is `verifyLog`'s to report. */
function readLeaf(leaf: string): SequencedEntry | undefined {
  try {
    return parseLeaf(leaf);
  } catch {
    return undefined;
  }
}
