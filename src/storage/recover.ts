import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import { parseId, type SessionId } from "../base/ids.ts";
import { decodeFrames, encodeFrame, type FrameProblem } from "../core/journal/frame.ts";
import { chunkFile, hasFile, readFileOf, writeOnce } from "./chunk-file.ts";
import { type Sealing, seal } from "./seal.ts";
import { segmentName } from "./segment.ts";
import type { ChunkRecord, Store } from "./store.ts";

/** Lies in a session's folder once its `end` event is on the disk. */
export const endedMark = "ended";

/** What was found of one session that a gateway left open. */
export interface Recovered {
  readonly session: SessionId;
  /** False when the session had not come to its own end: the recording now ends with an event that says so. */
  readonly complete: boolean;
  /** Events in the recording now. */
  readonly events: number;
  /** Where the last segment stopped being readable. */
  readonly problem?: FrameProblem;
}

export interface RecoverOptions extends Sealing {
  /** The folder of all journals. */
  readonly folder: string;
  readonly isLive: (session: SessionId) => boolean;
}

/** Seals what is unsealed, session by session, and ends the sessions that nobody serves any more. */
export async function recoverJournals(options: RecoverOptions): Promise<readonly Recovered[]> {
  const recovered: Recovered[] = [];
  const running = await runningSessions(options.store);
  for (const entry of await readdir(options.folder, { withFileTypes: true })) {
    const session = entry.isDirectory() ? parseId("ses", entry.name) : undefined;
    if (!session || options.isLive(session)) continue;
    const folder = join(options.folder, entry.name);
    const ended = await hasFile(folder, endedMark);
    if (ended && !running.has(session) && !(await hasSegments(folder))) continue;
    recovered.push(await recoverSession(options, session, folder, ended));
  }
  return recovered;
}

async function recoverSession(
  options: RecoverOptions,
  session: SessionId,
  folder: string,
  ended: boolean,
): Promise<Recovered> {
  const chunks = (await options.store.chunks.list(session)).filter(({ track }) => track === "gateway");
  const open = await openSegments(folder, chunks.length);
  const state: Progress = { previous: chunks.at(-1)?.digest ?? "", seq: eventsOf(chunks), complete: ended };
  const next = await sealSegments(options, session, folder, chunks.length, open, state);
  if (!state.complete && !state.ended) await sealEnd(options, session, folder, next, state);
  if (!ended) await writeOnce(folder, endedMark, new Uint8Array());
  await endSession(options.store, options.clock, session, state);
  return {
    session,
    complete: state.complete,
    events: state.seq,
    ...(state.problem ? { problem: state.problem } : {}),
  };
}

/** Seals in order up to the first gap or damage; returns the number of the chunk that would be next. */
async function sealSegments(
  options: RecoverOptions,
  session: SessionId,
  folder: string,
  first: number,
  open: readonly number[],
  state: Progress,
): Promise<number> {
  for (const [at, number] of open.entries()) {
    // A crash of the whole machine may lose a segment that nobody was told is durable, and keep the one after it.
    if (number !== first + at) state.problem = { offset: 0, seq: state.seq, kind: "sequence" };
    else await sealSegment(options, session, folder, number, at === open.length - 1, state);
    if (!state.problem) continue;
    const kept = number === first + at ? at + 1 : at;
    await setAside(folder, open.slice(kept));
    return first + kept;
  }
  return first + open.length;
}

async function runningSessions(store: Store): Promise<ReadonlySet<string>> {
  const open = await store.sessions.list({ states: ["open"], limit: 1_000_000 });
  return new Set(open.map(({ id }) => id));
}

async function hasSegments(folder: string): Promise<boolean> {
  return (await readdir(folder)).some((name) => name.endsWith(".open"));
}

interface Progress {
  previous: string;
  seq: number;
  /** The session had come to its end by itself. */
  complete: boolean;
  /** The end that says so, or that says it is incomplete, has been written. */
  ended?: boolean;
  problem?: FrameProblem;
}

/** Seals one segment up to its last whole event. A segment that was damaged, not just cut short, is kept beside it. */
async function sealSegment(
  options: RecoverOptions,
  session: SessionId,
  folder: string,
  number: number,
  last: boolean,
  state: Progress,
): Promise<void> {
  const bytes = await readFileOf(folder, segmentName(number, "open"));
  if (!bytes) throw missing(session, number);
  // A chunk without a row was never vouched for: the crash came in between, and the segment is still here.
  await rm(join(folder, chunkFile("gateway", number)), { force: true });
  const { events, end, problem } = decodeFrames(bytes, state.seq);
  state.seq += events.length;
  const final = events.at(-1)?.event;
  if (final?.type === "end") {
    state.complete = final.complete;
    state.ended = true;
  }
  if (problem) state.problem = problem;
  if (problem && problem.kind !== "torn") await keepDamaged(folder, number, bytes);
  const closing = !state.complete && !state.ended && (last || problem !== undefined);
  const pieces = closing ? endFrame(options.clock, state) : [];
  const frames = Buffer.concat([bytes.subarray(0, end), ...pieces]);
  const count = events.length + (closing ? 1 : 0);
  const part = { session, folder, number, frames, events: count, previous: state.previous };
  state.previous = (await seal(options, part)).digest;
}

/** For a session that was cut between two segments. */
async function sealEnd(
  options: RecoverOptions,
  session: SessionId,
  folder: string,
  number: number,
  state: Progress,
): Promise<void> {
  const frames = Buffer.concat(endFrame(options.clock, state));
  await rm(join(folder, chunkFile("gateway", number)), { force: true });
  state.previous = (
    await seal(options, { session, folder, number, frames, events: 1, previous: state.previous })
  ).digest;
}

function endFrame(clock: Clock, state: Progress): readonly Uint8Array[] {
  state.ended = true;
  const reason = "the gateway stopped without closing the session";
  return encodeFrame({ seq: state.seq++, at: clock.now(), event: { type: "end", reason, complete: false } });
}

async function endSession(store: Store, clock: Clock, session: SessionId, state: Progress): Promise<void> {
  await store.atomically(async ({ sessions, enqueue }) => {
    const record = await sessions.get(session);
    const { problem, complete } = state;
    if (record && (record.state === "open" || (record.complete && !complete)))
      await sessions.replace({
        ...record,
        version: record.version + 1,
        state: "ended",
        endedAt: record.endedAt ?? clock.now(),
        endReason: record.endReason ?? "the gateway stopped",
        endCode: record.endCode ?? "lost",
        complete: record.complete && complete,
      });
    const what = problem ? `${problem.kind} at event ${problem.seq}` : null;
    const detail = { session, events: state.seq, complete, problem: what };
    await enqueue({ kind: "journal.recovered", at: clock.now(), actor: "gateway", detail });
  });
}

/** Numbers of the segments that no row vouches for; those whose chunk is vouched for are removed. */
async function openSegments(folder: string, sealed: number): Promise<readonly number[]> {
  const numbers: number[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const number = /^(\d{6,})\.open$/.exec(name)?.[1];
    if (number === undefined) continue;
    if (Number(number) >= sealed) numbers.push(Number(number));
    else if (await hasFile(folder, chunkFile("gateway", Number(number)))) await rm(join(folder, name));
  }
  return numbers;
}

/** What follows a damaged segment cannot be numbered any more; it stays for people to look at. */
async function setAside(folder: string, numbers: readonly number[]): Promise<void> {
  for (const number of numbers) {
    const bytes = await readFileOf(folder, segmentName(number, "open"));
    if (bytes) await keepDamaged(folder, number, bytes);
    await rm(join(folder, segmentName(number, "open")), { force: true });
  }
}

async function keepDamaged(folder: string, number: number, bytes: Uint8Array): Promise<void> {
  if (!(await hasFile(folder, segmentName(number, "damaged"))))
    await writeOnce(folder, segmentName(number, "damaged"), bytes);
}

function eventsOf(chunks: readonly ChunkRecord[]): number {
  return chunks.reduce((sum, { events }) => sum + events, 0);
}

function missing(session: SessionId, number: number): IhcError {
  return new IhcError("corrupt", `part ${number} of the recording of ${session} is missing`, {
    hint: "run ihc audit verify",
  });
}
