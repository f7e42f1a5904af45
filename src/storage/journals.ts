import { mkdir, readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import { parseId, type SessionId } from "../base/ids.ts";
import type { Recorded } from "../core/journal/event.ts";
import type { JournalWriter } from "../core/journal/writer.ts";
import { chunkFile, readFileOf, writeOnce } from "./chunk-file.ts";
import { readClientTrack, receiveChunk, type Upload } from "./client-track.ts";
import { privateFolder, syncFolder } from "./folder.ts";
import { journalWriter } from "./journal-writer.ts";
import { lockFolder } from "./lock.ts";
import { isCode } from "./log-key.ts";
import { readJournal } from "./read-journal.ts";
import { endedMark, type Recovered, recoverJournals } from "./recover.ts";
import { seal } from "./seal.ts";
import type { Segment } from "./segment.ts";
import type { ChunkRecord, Store } from "./store.ts";
import { type JournalProblem, verifyJournal } from "./verify-journal.ts";

/** The recordings of one gateway: a folder for each session under one private folder. */
export interface Journals {
  /** Begins the session's journal. Throws `conflict` if it ever had one, `unavailable` when the disk is nearly full. */
  open(session: SessionId): Promise<JournalWriter>;
  /**
   * Seals what a killed gateway left, up to the last whole event, and marks its sessions ended and incomplete. Run it before
   * the first session opens; only the process that holds the folder's lock may.
   */
  recover(): Promise<readonly Recovered[]>;
  /** The events from number `from` on, of a live session as far as they are written. */
  read(session: SessionId, from?: number, identities?: readonly string[]): AsyncIterable<Recorded>;
  /** As `read`, of what the session's own client has recorded and uploaded: a copy, never evidence in place of the gateway's. */
  readClient(session: SessionId, from?: number, identities?: readonly string[]): AsyncIterable<Recorded>;
  /** Takes a chunk of the client's track; one after the other for each session. Throws as `receiveChunk`. */
  receive(upload: Upload): Promise<ChunkRecord>;
  /** Whether there is room for a new session. */
  space(): Promise<boolean>;
  /** Holds files and rows of a session against each other; empty when all is well. */
  verify(session: SessionId): Promise<readonly JournalProblem[]>;
  /** The sealed file of a chunk, as it lies on the disk; undefined when it is missing. */
  chunk(chunk: ChunkRecord): Promise<Buffer | undefined>;
  /** Gives the folder's lock back. Journals that are still open must have been closed. */
  close(): void;
}

export interface JournalsOptions {
  readonly folder: string;
  readonly store: Store;
  readonly clock: Clock;
  /** age recipients (`age1…`) for whom chunks are encrypted. */
  readonly recipients?: readonly string[];
  /** Bytes that stay free: below, no new session opens. */
  readonly freeSpaceFloor?: number;
  readonly chunkBytes?: number;
  /** Milliseconds. */
  readonly chunkAge?: number;
  readonly onSealed?: (chunk: ChunkRecord) => void;
  /** For looking only, beside a running gateway: takes no lock, and `open` and `recover` are refused. */
  readonly readOnly?: boolean;
}

const defaultFloor = 256 * 1024 * 1024;
const defaultChunkBytes = 1024 * 1024;
const defaultChunkAge = 5000;

/** Opens the folder and locks it; throws IhcError `conflict` when another gateway has it. */
export async function openJournals(options: JournalsOptions): Promise<Journals> {
  const folder = await privateFolder(options.folder);
  const { store, clock, recipients = [], freeSpaceFloor = defaultFloor, onSealed } = options;
  const sealing = { store, clock, recipients, ...(onSealed ? { onSealed } : {}) };
  const unlock = options.readOnly ? undefined : lockFolder(folder);
  const live = new Set<SessionId>();
  const own = (session: SessionId): string => join(folder, checked(session));
  const writable = (): void => {
    if (!unlock) throw new IhcError("internal", "the journals were opened for reading only");
  };

  const space = async (): Promise<boolean> => {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= freeSpaceFloor;
  };

  const open = async (session: SessionId): Promise<JournalWriter> => {
    writable();
    const home = own(session);
    if (!(await space())) throw noRoom();
    await makeOnce(home, folder);
    live.add(session);
    let previous = "";
    return journalWriter({
      folder: home,
      clock,
      chunkBytes: options.chunkBytes ?? defaultChunkBytes,
      chunkAge: options.chunkAge ?? defaultChunkAge,
      seal: async (segment: Segment) => {
        const { number, events, path } = segment;
        const frames = await readFile(path);
        const chunk = await seal(sealing, { session, folder: home, number, frames, events, previous });
        previous = chunk.digest;
      },
      ended: () => writeOnce(home, endedMark, new Uint8Array()),
      done: () => live.delete(session),
    });
  };

  /** The last upload of each session that is being taken. */
  const receiving = new Map<SessionId, Promise<unknown>>();
  const receive = async (upload: Upload): Promise<ChunkRecord> => {
    writable();
    const home = own(upload.session);
    if (!(await space())) throw noRoom();
    const taken = (receiving.get(upload.session) ?? Promise.resolve())
      .catch(() => undefined)
      .then(() => receiveChunk(sealing, home, upload));
    receiving.set(upload.session, taken);
    try {
      return await taken;
    } finally {
      if (receiving.get(upload.session) === taken) receiving.delete(upload.session);
    }
  };

  return {
    open,
    receive,
    recover: async () => {
      writable();
      return recoverJournals({ ...sealing, folder, isLive: (session) => live.has(session) });
    },
    read: (session, from = 0, identities = []) => readJournal(own(session), store, session, from, identities),
    readClient: (session, from = 0, identities = []) =>
      readClientTrack(own(session), store, session, from, identities),
    space,
    verify: (session) => verifyJournal(own(session), store, session),
    chunk: (chunk) => readFileOf(own(chunk.session), chunkFile(chunk.track, chunk.number)),
    close: () => unlock?.(),
  };
}

function noRoom(): IhcError {
  return new IhcError("unavailable", "there is no room for another recording", {
    hint: "free the gateway's disk",
  });
}

/** An id becomes a path only when it is one. */
function checked(session: SessionId): SessionId {
  const id = parseId("ses", session);
  if (!id) throw new IhcError("invalid", "this is not a session id");
  return id;
}

async function makeOnce(home: string, parent: string): Promise<void> {
  try {
    await mkdir(home, { mode: 0o700 });
  } catch (cause) {
    if (!isCode(cause, "EEXIST")) throw new IhcError("storage", "the journal cannot be made", { cause });
    throw new IhcError("conflict", "this session already has a recording, which is never replaced", {
      cause,
    });
  }
  await syncFolder(parent);
}
