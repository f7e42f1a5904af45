import { IhcError } from "../base/errors.ts";
import type { SessionId } from "../base/ids.ts";
import { unpackChunk } from "../core/journal/chunk.ts";
import type { Recorded } from "../core/journal/event.ts";
import { decodeFrames } from "../core/journal/frame.ts";
import { chunkFile, hasFile, readFileOf } from "./chunk-file.ts";
import { segmentName } from "./segment.ts";
import type { Store } from "./store.ts";

/** A session's events in order, sealed or not. Chunks that end before `from` are not opened. */
export async function* readJournal(
  folder: string,
  store: Store,
  session: SessionId,
  from: number,
  identities: readonly string[],
): AsyncIterable<Recorded> {
  const chunks = (await store.chunks.list(session)).filter(({ track }) => track === "gateway");
  let seq = 0;
  let number = 0;
  for (const { events } of chunks) {
    if (seq + events > from) break;
    seq += events;
    number++;
  }
  for (; ; number++) {
    const part = await readPart(folder, number, identities);
    if (!part) return;
    const { events, problem } = decodeFrames(part.frames, seq);
    yield* events.filter((recorded) => recorded.seq >= from);
    seq += events.length;
    if (!problem) continue;
    // The end of what is being written may be half a frame; anywhere else it is damage.
    const last = !part.sealed && !(await hasFile(folder, segmentName(number + 1, "open")));
    if (problem.kind === "torn" && last) return;
    throw new IhcError(
      "corrupt",
      `the recording is damaged at event ${seq} (part ${number}: ${problem.kind})`,
    );
  }
}

interface Part {
  readonly frames: Buffer;
  readonly sealed: boolean;
}

/** The sealed chunk of that number, or the segment that is being written; it may turn into the former while we look. */
async function readPart(
  folder: string,
  number: number,
  identities: readonly string[],
): Promise<Part | undefined> {
  for (const name of [
    chunkFile("gateway", number),
    segmentName(number, "open"),
    chunkFile("gateway", number),
  ]) {
    const bytes = await readFileOf(folder, name);
    if (!bytes) continue;
    return name.endsWith(".open")
      ? { frames: bytes, sealed: false }
      : { frames: await unpackChunk(bytes, identities), sealed: true };
  }
  return undefined;
}
