import { crc32 } from "node:zlib";
import type { JournalEvent, Recorded } from "./event.ts";
import { headerText } from "./header.ts";

/**
 * A frame of a journal, all numbers big-endian:
 *
 *     u32 length of the payload | u32 CRC-32 of the payload | payload
 *     payload: u32 length of the header | header | data
 *
 * The header is the canonical JSON of {at, event, seq}; `data` are the bytes of an event that has some.
 */
const frameOverhead = 12;

/** Bytes; what is longer is refused when written and called damaged when read. */
const longestFrame = 64 * 1024 * 1024;

/** One event as the pieces of its frame. The event's own bytes are passed on, not copied. */
export function encodeFrame({ seq, at, event }: Recorded): readonly Uint8Array[] {
  const data = event.type === "rows" || event.type === "output" ? event.data : undefined;
  const header = headerText(seq, at, event);
  const headerBytes = Buffer.byteLength(header);
  const payload = 4 + headerBytes + (data?.length ?? 0);
  if (payload > longestFrame) throw new RangeError("an event is too long for the journal");
  const head = Buffer.allocUnsafe(frameOverhead + headerBytes);
  head.writeUInt32BE(payload, 0);
  head.writeUInt32BE(headerBytes, 8);
  head.write(header, frameOverhead);
  const sum = crc32(head.subarray(8));
  head.writeUInt32BE(data ? crc32(data, sum) : sum, 4);
  return data ? [head, data] : [head];
}

/** Where reading ended before the end of the bytes, and why. `torn`: a frame was begun and never finished. */
export interface FrameProblem {
  readonly offset: number;
  readonly seq: number;
  readonly kind: "torn" | "damaged" | "sequence";
}

export interface Frames {
  readonly events: readonly Recorded[];
  /** Bytes that the whole frames take. */
  readonly end: number;
  readonly problem?: FrameProblem;
}

/** Reads frames up to the first that is not whole; `seq` is the number that the first must have. */
export function decodeFrames(bytes: Buffer, seq: number): Frames {
  const events: Recorded[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    const next = seq + events.length;
    const frame = decodeFrame(bytes, offset);
    if (typeof frame === "string")
      return { events, end: offset, problem: { offset, seq: next, kind: frame } };
    if (frame.recorded.seq !== next)
      return { events, end: offset, problem: { offset, seq: next, kind: "sequence" } };
    events.push(frame.recorded);
    offset = frame.end;
  }
  return { events, end: offset };
}

function decodeFrame(
  bytes: Buffer,
  offset: number,
): { readonly recorded: Recorded; readonly end: number } | "torn" | "damaged" {
  if (bytes.length - offset < frameOverhead) return "torn";
  const payload = bytes.readUInt32BE(offset);
  const headerBytes = bytes.readUInt32BE(offset + 8);
  if (payload > longestFrame || payload < 4 + headerBytes) return "damaged";
  const end = offset + 8 + payload;
  if (end > bytes.length) return "torn";
  if (crc32(bytes.subarray(offset + 8, end)) !== bytes.readUInt32BE(offset + 4)) return "damaged";
  const split = offset + frameOverhead + headerBytes;
  const recorded = parseHeader(
    bytes.toString("utf8", offset + frameOverhead, split),
    bytes.subarray(split, end),
  );
  return recorded ? { recorded, end } : "damaged";
}

interface Header {
  readonly seq: number;
  readonly at: string;
  readonly event: JournalEvent;
}

function parseHeader(text: string, data: Buffer): Recorded | undefined {
  try {
    const { seq, at, event }: Header = JSON.parse(text);
    const time = new Date(at);
    if (!Number.isSafeInteger(seq) || Number.isNaN(time.getTime()) || typeof event.type !== "string") return;
    return { seq, at: time, event: joined(event, data) };
  } catch {
    return undefined;
  }
}

function joined(event: JournalEvent, data: Buffer): JournalEvent {
  // The bytes were masked before they were framed.
  if (event.type === "rows") return { ...event, data: data as Uint8Array as typeof event.data };
  if (event.type === "output") return { ...event, data: data as Uint8Array as typeof event.data };
  return event;
}
