import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { JournalEvent } from "../core/journal/event.ts";
import { encodeFrame } from "../core/journal/frame.ts";
import type { JournalWriter } from "../core/journal/writer.ts";
import { openSegment, type Segment } from "./segment.ts";

export interface WriterOptions {
  /** The session's own folder. */
  readonly folder: string;
  readonly clock: Clock;
  /** Bytes and milliseconds after which a segment is sealed. */
  readonly chunkBytes: number;
  readonly chunkAge: number;
  /** Makes a chunk of a full segment and has it vouched for. Called one after the other. */
  seal(segment: Segment): Promise<void>;
  /** Called when the `end` event is on the disk, before the last seal. */
  ended(): Promise<void>;
  /** Called once when the journal is closed or has failed. */
  done(): void;
}

/** Bytes and segments that may wait before `drained` holds a fast target back. */
const backlogBytes = 4 * 1024 * 1024;
const backlogSegments = 4;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The journal of one session: a queue in front of the segment that is being written. */
export function journalWriter(options: WriterOptions): JournalWriter {
  return new Writer(options);
}

class Writer implements JournalWriter {
  readonly #options: WriterOptions;
  readonly #failure = new AbortController();
  #seq = 0;
  #segments = 0;
  #current: Segment | undefined;
  #age: NodeJS.Timeout | undefined;
  #closed = false;

  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #queuedEvents = 0;
  #wantWritten: Waiter[] = [];
  #wantDurable: Waiter[] = [];
  #scheduled = false;
  #writing = false;

  #rotationDue = false;

  #unsynced: Waiter[] = [];
  #syncing: Promise<void> | undefined;
  /** The fsync of the segment before: what comes later is not durable while that is not. */
  #before: Promise<void> = Promise.resolve();
  #sealing: Promise<void> = Promise.resolve();
  #waitingSeals = 0;
  #wantRoom: (() => void)[] = [];

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get failed(): AbortSignal {
    return this.#failure.signal;
  }

  append(event: JournalEvent, until: "written" | "durable"): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#enqueue(event)) return reject(this.#refusal());
      (until === "durable" ? this.#wantDurable : this.#wantWritten).push({ resolve, reject });
    });
  }

  add(event: JournalEvent): void {
    // After the end there is nothing to record: whoever still does was cut off before.
    if (!this.#enqueue(event) && !this.#closed) this.#fail(this.#refusal());
  }

  async drained(): Promise<void> {
    while (!this.failed.aborted && !this.#hasRoom())
      await new Promise<void>((resolve) => {
        this.#wantRoom.push(resolve);
      });
    if (this.failed.aborted) throw this.#refusal();
  }

  async close(reason: string): Promise<void> {
    const last = this.append({ type: "end", reason, complete: true }, "durable");
    this.#closed = true;
    try {
      await last;
      await this.#options.ended();
      this.#rotate();
      await this.#sealing;
      if (this.failed.aborted) throw this.#refusal();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
    this.#options.done();
  }

  /** False when the journal takes no more. An event that cannot be framed ends it, since leaving it out would be a gap. */
  #enqueue(event: JournalEvent): boolean {
    if (this.#closed || this.failed.aborted) return false;
    try {
      for (const piece of encodeFrame({ seq: this.#seq, at: this.#options.clock.now(), event })) {
        this.#queue.push(piece);
        this.#queuedBytes += piece.length;
      }
    } catch (error) {
      this.#fail(error);
      return false;
    }
    this.#seq++;
    this.#queuedEvents++;
    this.#schedule();
    return true;
  }

  #schedule(): void {
    if (this.#scheduled || this.#writing) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  /** Writes all that one turn of the loop has queued; what comes while it writes is the next group. */
  async #flush(): Promise<void> {
    if (this.failed.aborted || this.#queue.length === 0) return;
    this.#writing = true;
    const [pieces, events, written, durable] = [
      this.#queue,
      this.#queuedEvents,
      this.#wantWritten,
      this.#wantDurable,
    ];
    [this.#queue, this.#queuedBytes, this.#queuedEvents, this.#wantWritten, this.#wantDurable] = [
      [],
      0,
      0,
      [],
      [],
    ];
    try {
      const segment = this.#segment();
      await segment.write(pieces);
      segment.events += events;
    } catch (error) {
      for (const waiter of [...written, ...durable]) waiter.reject(this.#unwritable(error));
      this.#fail(error);
      return;
    } finally {
      this.#writing = false;
    }
    for (const waiter of written) waiter.resolve();
    this.#unsynced.push(...durable);
    if (this.#rotationDue || (this.#current?.bytes ?? 0) >= this.#options.chunkBytes) this.#rotate();
    this.#startSync();
    this.#makeRoom();
    if (this.#queue.length > 0) this.#schedule();
  }

  #startSync(): void {
    if (this.#syncing || this.#unsynced.length === 0 || this.failed.aborted) return;
    this.#syncing = this.#sync().finally(() => {
      this.#syncing = undefined;
      this.#startSync();
    });
  }

  /** One fsync for all who wait; writes go on meanwhile. */
  async #sync(): Promise<void> {
    while (this.#unsynced.length > 0 && !this.failed.aborted) {
      const [waiters, segment] = [this.#unsynced, this.#current];
      this.#unsynced = [];
      await this.#settle(waiters, async () => {
        await this.#before;
        await segment?.sync();
      });
    }
  }

  async #settle(waiters: readonly Waiter[], sync: () => Promise<void>): Promise<void> {
    try {
      await sync();
    } catch (error) {
      for (const waiter of waiters) waiter.reject(this.#unwritable(error));
      this.#fail(error);
      return;
    }
    for (const waiter of waiters) waiter.resolve();
  }

  #segment(): Segment {
    if (this.#current) return this.#current;
    const segment = openSegment(this.#options.folder, this.#segments++);
    this.#current = segment;
    this.#age = setTimeout(() => this.#rotate(), this.#options.chunkAge);
    this.#age.unref();
    return segment;
  }

  #rotate(): void {
    clearTimeout(this.#age);
    const segment = this.#current;
    if (!segment || this.failed.aborted) return;
    this.#rotationDue = this.#writing;
    if (this.#writing) return;
    const [waiters, before, syncing] = [this.#unsynced, this.#before, this.#syncing];
    this.#current = undefined;
    this.#unsynced = [];
    this.#waitingSeals++;
    this.#before = this.#settle(waiters, async () => {
      await before;
      await segment.sync();
      await syncing;
    });
    this.#sealing = Promise.all([this.#sealing, this.#before]).then(() => this.#seal(segment));
  }

  async #seal(segment: Segment): Promise<void> {
    segment.close();
    if (this.failed.aborted) return;
    try {
      await this.#options.seal(segment);
    } catch (error) {
      this.#fail(error);
    }
    this.#waitingSeals--;
    this.#makeRoom();
  }

  #hasRoom(): boolean {
    return this.#queuedBytes < backlogBytes && this.#waitingSeals < backlogSegments;
  }

  #makeRoom(): void {
    if (!this.failed.aborted && !this.#hasRoom()) return;
    const waiting = this.#wantRoom;
    this.#wantRoom = [];
    for (const go of waiting) go();
  }

  #fail(error: unknown): void {
    if (this.failed.aborted) return;
    this.#failure.abort(this.#unwritable(error));
    clearTimeout(this.#age);
    for (const waiter of [...this.#unsynced, ...this.#wantWritten, ...this.#wantDurable])
      waiter.reject(this.#refusal());
    [this.#unsynced, this.#wantWritten, this.#wantDurable, this.#queue, this.#queuedBytes] = [
      [],
      [],
      [],
      [],
      0,
    ];
    this.#current?.close();
    this.#current = undefined;
    this.#makeRoom();
    this.#options.done();
  }

  #refusal(): IhcError {
    const { reason } = this.failed;
    return reason instanceof IhcError ? reason : new IhcError("storage", "the journal is closed");
  }

  #unwritable(cause: unknown): IhcError {
    if (cause instanceof IhcError) return cause;
    return new IhcError("storage", "the session's journal cannot be written", {
      hint: "is the disk full",
      cause,
    });
  }
}
