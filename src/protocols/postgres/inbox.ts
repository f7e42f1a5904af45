import type { Duplex } from "node:stream";

/** Bytes that may wait unread before the peer is made to wait. */
const enough = 256 * 1024;

/**
 * Reads a Duplex chunk by chunk, and notices that the peer has gone even while nobody reads: a client that leaves during
 * a hold must not keep its request alive.
 */
export class Inbox {
  readonly #stream: Duplex;
  readonly #chunks: Buffer[] = [];
  #waiting = 0;
  #wake: (() => void) | undefined;
  #watched: AbortSignal | undefined;
  readonly #gone = new AbortController();

  constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on("data", this.#onData);
    stream.on("end", this.#onGone);
    stream.on("close", this.#onGone);
    stream.on("error", this.#onGone);
  }

  /** Aborts when the peer has ended or broken the connection, whatever is still unread. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** The next chunk; undefined once the peer is gone and all is read, or when `signal` aborts. */
  async next(signal?: AbortSignal): Promise<Buffer | undefined> {
    while (this.#chunks.length === 0) {
      if (this.#gone.signal.aborted || signal?.aborted) return undefined;
      await this.#change(signal);
    }
    return this.take();
  }

  /** What has arrived already. */
  take(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    this.#waiting -= chunk?.length ?? 0;
    if (this.#waiting < enough && this.#stream.isPaused()) this.#stream.resume();
    return chunk;
  }

  /** Puts back what the reader did not need. */
  unread(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.unshift(chunk);
    this.#waiting += chunk.length;
  }

  get empty(): boolean {
    return this.#chunks.length === 0;
  }

  /** Stops reading and returns what is left; whoever takes the stream over listens from now on. */
  detach(): readonly Buffer[] {
    this.#stream.off("data", this.#onData);
    this.#stream.off("end", this.#onGone);
    this.#stream.off("close", this.#onGone);
    this.#watch(undefined);
    return this.#chunks.splice(0);
  }

  #change(signal: AbortSignal | undefined): Promise<void> {
    this.#watch(signal);
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** A reader mostly comes with the same signal again, which is listened to once: for each chunk it would be dear. */
  #watch(signal: AbortSignal | undefined): void {
    if (signal === this.#watched) return;
    this.#watched?.removeEventListener("abort", this.#poke);
    this.#watched = signal;
    signal?.addEventListener("abort", this.#poke, { once: true });
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    if (this.#waiting >= enough) this.#stream.pause();
    this.#poke();
  };

  readonly #onGone = (): void => {
    this.#gone.abort();
    this.#poke();
  };

  readonly #poke = (): void => {
    this.#wake?.();
    this.#wake = undefined;
  };
}
