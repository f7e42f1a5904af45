import { rm } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../base/bytes.ts";
import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { SessionId } from "../base/ids.ts";
import { packChunk } from "../core/journal/chunk.ts";
import { chunkFile, writeOnce } from "./chunk-file.ts";
import { syncFolder } from "./folder.ts";
import { segmentName } from "./segment.ts";
import type { ChunkRecord, Store } from "./store.ts";

export interface Sealing {
  readonly store: Store;
  readonly clock: Clock;
  readonly recipients: readonly string[];
  readonly onSealed?: (chunk: ChunkRecord) => void;
}

/** What is to be sealed: the frames of one segment, in the session's own folder. */
export interface Sealable {
  readonly session: SessionId;
  readonly folder: string;
  readonly number: number;
  readonly frames: Uint8Array;
  readonly events: number;
  readonly previous: string;
}

/**
 * Makes a chunk of a segment: the file first, then its row and the entry `journal.sealed` in one transaction, then the segment
 * goes. A crash at any point leaves either the segment or a chunk that is vouched for.
 */
export async function seal(sealing: Sealing, part: Sealable): Promise<ChunkRecord> {
  const bytes = await packChunk(part.frames, sealing.recipients);
  await writeOnce(part.folder, chunkFile("gateway", part.number), bytes);
  const chunk: ChunkRecord = {
    session: part.session,
    track: "gateway",
    number: part.number,
    digest: sha256(bytes),
    previous: part.previous,
    bytes: bytes.length,
    events: part.events,
    sealedAt: sealing.clock.now(),
  };
  await recordChunk(sealing.store, chunk, "gateway");
  await rm(join(part.folder, segmentName(part.number, "open")), { force: true });
  await syncFolder(part.folder);
  sealing.onSealed?.(chunk);
  return chunk;
}

/** The row and the audit entry of a chunk. Throws IhcError `conflict` when it does not follow the last one of its track. */
export async function recordChunk(store: Store, chunk: ChunkRecord, actor: string): Promise<void> {
  await store.atomically(async ({ chunks, enqueue }) => {
    const last = (await chunks.list(chunk.session)).filter(({ track }) => track === chunk.track).at(-1);
    if (chunk.number !== (last ? last.number + 1 : 0) || chunk.previous !== (last?.digest ?? ""))
      throw new IhcError("conflict", "this part of the recording does not follow the last one");
    await chunks.insert(chunk);
    const { sealedAt, ...detail } = chunk;
    await enqueue({ kind: "journal.sealed", at: sealedAt, actor, detail });
  });
}
