import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, sha256 } from "../base/bytes.ts";
import { IhcError } from "../base/errors.ts";
import type { SessionId } from "../base/ids.ts";
import { packChunk, unpackChunk } from "../core/journal/chunk.ts";
import type { Recorded } from "../core/journal/event.ts";
import { decodeFrames } from "../core/journal/frame.ts";
import { chunkFile, readFileOf, writeOnce } from "./chunk-file.ts";
import { recordChunk, type Sealing } from "./seal.ts";
import type { ChunkRecord, Store } from "./store.ts";

/** A chunk as a client sends it: frames in one zstd frame, and the digest of the one that it sent before. */
export interface Upload {
  readonly session: SessionId;
  readonly number: number;
  readonly previous: string;
  readonly packed: Uint8Array;
  /** Whose client it is: a name for the audit log. */
  readonly actor: string;
  /** The session has ended: what has not begun by then is not taken, and what is taken says that it came late. */
  readonly late: boolean;
}

/** Bytes of one chunk unpacked, and of a session's whole track as it is kept. */
const largestFrames = 16 * 1024 * 1024;
const largestTrack = 128 * 1024 * 1024;
/** What a client may say; what was asked and answered is the gateway's to record. */
const allowed: ReadonlySet<Recorded["event"]["type"]> = new Set([
  "session",
  "connection",
  "output",
  "resize",
  "note",
  "end",
]);

/**
 * Takes one chunk of a client's own recording, beside the gateway's and never in its place. It is read before it is kept:
 * whole frames, numbered on from the chunk before, of this session, nothing after an `end`. A chunk that is there already is
 * answered again when it is the same one, since its sender may not have heard the answer.
 * Throws IhcError `conflict`, `invalid`, `too-large`.
 */
export async function receiveChunk(sealing: Sealing, folder: string, upload: Upload): Promise<ChunkRecord> {
  const { session, number, packed, actor, late } = upload;
  const chunks = await clientChunks(sealing.store, session);
  const received = sha256(packed);
  const same = chunks[number];
  if (same) return again(same, received);
  checkPlace(upload, chunks.at(-1), chunks.length);
  if (chunks.reduce((sum, { bytes }) => sum + bytes, packed.length) > largestTrack)
    throw new IhcError("too-large", "this session's client track is full");
  const { frames, events, ended } = await checkedFrames(upload, chunks);
  const bytes = await packChunk(frames, sealing.recipients);
  const name = chunkFile("client", number);
  // A file without a row is what a crash left between the two: nothing vouches for it.
  await rm(join(folder, name), { force: true });
  await writeOnce(folder, name, bytes);
  const chunk: ChunkRecord = {
    session,
    track: "client",
    number,
    digest: sha256(bytes),
    previous: chunks.at(-1)?.digest ?? "",
    bytes: bytes.length,
    events,
    sealedAt: sealing.clock.now(),
    received,
    ...(late ? { late } : {}),
    ...(ended ? { last: true } : {}),
  };
  await recordChunk(sealing.store, chunk, actor);
  return chunk;
}

function checkPlace({ number, previous, late }: Upload, last: ChunkRecord | undefined, next: number): void {
  if (last?.last) throw sealed("this client track has ended and is sealed");
  if (late && !last) throw sealed("the session has ended, and its recording is sealed");
  if (number !== next || previous !== (last?.received ?? ""))
    throw new IhcError("conflict", "this part does not follow the last one that came", {
      hint: `the next is number ${next}`,
    });
}

/** The events of a client's track, in order. */
export async function* readClientTrack(
  folder: string,
  store: Store,
  session: SessionId,
  from: number,
  identities: readonly string[],
): AsyncIterable<Recorded> {
  let seq = 0;
  for (const { number, events: count } of await clientChunks(store, session)) {
    const bytes = await readFileOf(folder, chunkFile("client", number));
    if (!bytes) throw new IhcError("corrupt", `part ${number} of the client's recording is missing`);
    const { events, problem } = decodeFrames(await unpackChunk(bytes, identities), seq);
    if (problem || events.length !== count)
      throw new IhcError("corrupt", `the client's recording is damaged at event ${seq} (part ${number})`);
    yield* events.filter((recorded) => recorded.seq >= from);
    seq += count;
  }
}

async function clientChunks(store: Store, session: SessionId): Promise<readonly ChunkRecord[]> {
  return (await store.chunks.list(session)).filter(({ track }) => track === "client");
}

function again(chunk: ChunkRecord, received: Digest): ChunkRecord {
  if (chunk.received === received) return chunk;
  throw sealed("this part of the recording is already there and is never replaced");
}

function sealed(message: string): IhcError {
  return new IhcError("conflict", message, { rule: "write-once" });
}

interface Checked {
  readonly frames: Buffer;
  readonly events: number;
  readonly ended: boolean;
}

async function checkedFrames({ session, packed }: Upload, before: readonly ChunkRecord[]): Promise<Checked> {
  const frames = await unpacked(packed);
  const first = before.reduce((sum, { events }) => sum + events, 0);
  const { events, problem } = decodeFrames(frames, first);
  if (problem || events.length === 0) throw new IhcError("invalid", "the part holds no whole events");
  for (const { seq, event } of events) {
    const opening = event.type === "session";
    if (!allowed.has(event.type) || opening !== (seq === 0))
      throw new IhcError("invalid", `a client track holds no ${event.type} event at place ${seq}`);
    if (opening && event.session !== session)
      throw new IhcError("invalid", "the part belongs to another session");
  }
  const end = events.findIndex(({ event }) => event.type === "end");
  if (end >= 0 && end < events.length - 1) throw new IhcError("invalid", "events come after the end");
  return { frames, events: events.length, ended: end >= 0 };
}

async function unpacked(packed: Uint8Array): Promise<Buffer> {
  try {
    return await unpackChunk(packed, [], largestFrames);
  } catch (cause) {
    throw new IhcError("invalid", "the part cannot be unpacked", { cause });
  }
}
