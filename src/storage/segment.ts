import { closeSync, constants, fdatasync, openSync, writev, writevSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { syncFolder } from "./folder.ts";

/** The file that a journal is being written to, until it is sealed as a chunk. Removed only once the chunk is vouched for. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  readonly bytes: number;
  events: number;
  write(pieces: readonly Uint8Array[]): Promise<void> | undefined;
  /** Makes all that has been written, and the file's name, last. */
  sync(): Promise<void>;
  close(): void;
}

/** Bytes up to which a write goes straight into the page cache: handing it to a thread costs more than doing it. */
const smallWrite = 64 * 1024;

/** Pieces of one system call (IOV_MAX). */
const mostPieces = 1024;

/** Begins a segment; throws if there is one with its number. */
export function openSegment(folder: string, number: number): Segment {
  const path = join(folder, segmentName(number, "open"));
  const file = openSync(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND | constants.O_NOFOLLOW,
    0o600,
  );
  let bytes = 0;
  let named = false;
  return {
    number,
    path,
    get bytes() {
      return bytes;
    },
    events: 0,
    write: (pieces) => {
      const size = sizeOf(pieces);
      bytes += size;
      if (size > smallWrite || pieces.length > mostPieces) return writeAll(file, pieces);
      const rest = after(pieces, writevSync(file, pieces));
      return rest.length === 0 ? undefined : writeAll(file, rest);
    },
    sync: async () => {
      await datasync(file);
      if (named) return;
      await syncFolder(folder);
      named = true;
    },
    close: () => closeSync(file),
  };
}

export function segmentName(number: number, kind: "open" | "chunk" | "draft" | "damaged"): string {
  return `${String(number).padStart(6, "0")}.${kind}`;
}

const datasync = promisify(fdatasync);
const writePieces = promisify<number, readonly Uint8Array[], number>((file, pieces, done) =>
  writev(file, pieces, (error, written) => done(error, written)),
);

/** A system call may write less than it was given, on a full disk for one. */
async function writeAll(file: number, pieces: readonly Uint8Array[]): Promise<void> {
  let rest = pieces;
  while (rest.length > 0) rest = after(rest, await writePieces(file, rest.slice(0, mostPieces)));
}

function after(pieces: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let left = written;
  const at = pieces.findIndex((piece) => {
    if (left < piece.length) return true;
    left -= piece.length;
    return false;
  });
  const first = pieces[at];
  return first ? [first.subarray(left), ...pieces.slice(at + 1)] : [];
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  let size = 0;
  for (const piece of pieces) size += piece.length;
  return size;
}
