import { appendFileSync, closeSync, constants, openSync } from "node:fs";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { packChunk, unpackChunk } from "../../core/journal/chunk.ts";
import type { JournalEvent } from "../../core/journal/event.ts";
import { decodeFrames, encodeFrame } from "../../core/journal/frame.ts";
import { writePrivate } from "../paths.ts";
import type { Sent } from "./folder.ts";

/**
 * Files of a spool folder, in the order of their numbers: `.open` is being written, `.frames` is whole, `.chunk` is packed and
 * ready to leave. `first` is the number of the first event in it, part of the name, so that a crash loses no count.
 */
export interface Part {
  readonly number: number;
  readonly first: number;
  readonly kind: "open" | "frames" | "chunk";
}

/** Bytes after which a part is whole, and the longest that one waits, milliseconds. */
const partBytes = 256 * 1024;
const partAge = 5000;

export interface SpoolWriter {
  /** Appends to the file at once. Throws when the disk does not take it. */
  add(event: JournalEvent): void;
  /** Makes what is there a whole part. */
  cut(): Promise<void>;
}

/** Writes the events of one recording. `whole` is called when a part may be packed and sent. */
export function spoolWriter(folder: string, clock: Clock, whole: () => void): SpoolWriter {
  let seq = 0;
  let open:
    | { readonly file: number; readonly part: Part; bytes: number; readonly timer: NodeJS.Timeout }
    | undefined;
  let number = 0;
  let renaming: Promise<void> = Promise.resolve();

  const begin = (): NonNullable<typeof open> => {
    const part: Part = { number, first: seq, kind: "open" };
    number += 1;
    const flags =
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_NOFOLLOW;
    const timer = setTimeout(() => void cut(), partAge);
    timer.unref();
    return { file: openSync(join(folder, partName(part)), flags, 0o600), part, bytes: 0, timer };
  };
  const cut = (): Promise<void> => {
    const done = open;
    open = undefined;
    if (done) {
      clearTimeout(done.timer);
      closeSync(done.file);
      const to = partName({ ...done.part, kind: "frames" });
      renaming = renaming.then(() => rename(join(folder, partName(done.part)), join(folder, to))).then(whole);
    }
    return renaming;
  };
  return {
    add: (event) => {
      open ??= begin();
      const frame = Buffer.concat(encodeFrame({ seq, at: clock.now(), event }));
      appendFileSync(open.file, frame);
      seq += 1;
      open.bytes += frame.length;
      if (open.bytes >= partBytes) void cut();
    },
    cut,
  };
}

/** The parts that lie in a spool folder, in order. */
export async function listParts(folder: string): Promise<readonly Part[]> {
  const names = await readdir(folder);
  return names
    .map(parsePart)
    .filter((part) => part !== undefined)
    .toSorted((a, b) => a.number - b.number);
}

/** Packs a whole part, once: a chunk that was sent and is sent again must be the same bytes. */
export async function packedPart(folder: string, part: Part): Promise<Buffer> {
  const name = join(folder, partName({ ...part, kind: "chunk" }));
  if (part.kind !== "chunk") {
    const frames = join(folder, partName(part));
    await writePrivate(name, await packChunk(await readFile(frames)));
    await rm(frames, { force: true });
  }
  return await readFile(name);
}

export async function removePart(folder: string, part: Part): Promise<void> {
  await rm(join(folder, partName(part)), { force: true });
}

/**
 * Ends the recording of a process that died: half an event at its end goes, and the track says that it was cut off. Does
 * nothing to a recording that ended in order.
 */
export async function closeAbandoned(folder: string, clock: Clock, sent: Sent): Promise<void> {
  const parts = await listParts(folder);
  const last = parts.at(-1);
  const bytes = last ? await framesOf(folder, last) : Buffer.alloc(0);
  const { events, end } = decodeFrames(bytes, last?.first ?? sent.events);
  if (last ? events.at(-1)?.event.type === "end" : sent.ended) return;
  const seq = (last?.first ?? sent.events) + events.length;
  const event: JournalEvent = { type: "end", reason: "the recording program was cut off", complete: false };
  const ending = Buffer.concat(encodeFrame({ seq, at: clock.now(), event }));
  const open = last?.kind === "open" ? last : undefined;
  const number = open?.number ?? (last?.number ?? sent.next - 1) + 1;
  const part: Part = { number, first: open?.first ?? seq, kind: "frames" };
  const whole = open ? bytes.subarray(0, end) : Buffer.alloc(0);
  await writePrivate(join(folder, partName(part)), Buffer.concat([whole, ending]));
  if (open) await removePart(folder, open);
}

async function framesOf(folder: string, part: Part): Promise<Buffer> {
  const bytes = await readFile(join(folder, partName(part)));
  return part.kind === "chunk" ? await unpackChunk(bytes) : bytes;
}

function partName({ number, first, kind }: Part): string {
  return `${String(number).padStart(8, "0")}-${first}.${kind}`;
}

function parsePart(name: string): Part | undefined {
  const [, number, first, kind] = /^(\d{8})-(\d{1,12})\.(open|frames|chunk)$/.exec(name) ?? [];
  if (number === undefined || first === undefined) return undefined;
  if (kind !== "open" && kind !== "frames" && kind !== "chunk") return undefined;
  return { number: Number(number), first: Number(first), kind };
}
