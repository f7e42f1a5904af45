import type { Masked } from "../../core/masking/rule.ts";
import { maskStream } from "../../core/masking/stream.ts";
import type { Session } from "../../core/session/session.ts";

/** How long a prompt may be held back, milliseconds. */
const patience = 30;

export interface OutputOptions {
  readonly session: Session;
  readonly stream: "out" | "err";
  /** Somebody types: what may be the beginning of a value goes out after a pause, because it may be a prompt. */
  readonly interactive: boolean;
  /** Bytes of it that are recorded. */
  readonly limit: number;
  readonly send: (bytes: Masked<Uint8Array>) => void;
}

/** Masks one output of a command on its way to the client and to the recording. */
export class StreamOutput {
  readonly #options: OutputOptions;
  readonly #shown;
  /** What the client saw in two halves is one value here: the recording is never in a hurry. */
  readonly #recorded;
  #timer: NodeJS.Timeout | undefined;
  #room: number;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#room = options.limit;
    this.#shown = maskStream(options.session.masks);
    this.#recorded = options.interactive ? maskStream(options.session.masks) : undefined;
  }

  push(data: Uint8Array): void {
    this.#send(this.#shown.push(data));
    if (this.#recorded) this.#record(this.#recorded.push(data));
    if (!this.#options.interactive) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(this.#shown.flush()), patience);
  }

  /** Sends and records what is held back. */
  end(): void {
    clearTimeout(this.#timer);
    this.#send(this.#shown.end());
    if (this.#recorded) this.#record(this.#recorded.end());
  }

  /** When the client has gone: what it did not see is not recorded as if it had, but all that came is. */
  #send(bytes: Masked<Uint8Array>): void {
    if (bytes.length === 0) return;
    this.#options.send(bytes);
    if (!this.#recorded) this.#record(bytes);
  }

  #record(bytes: Masked<Uint8Array>): void {
    const { session, stream } = this.#options;
    if (bytes.length === 0 || this.#room <= 0) return;
    const data = bytes.subarray(0, this.#room) as Masked<Uint8Array>;
    this.#room -= data.length;
    session.record({ type: "output", connection: session.connection, stream, data });
    if (this.#room <= 0)
      session.record({
        type: "note",
        text: `std${stream}: the recording limit is reached; the rest is counted only`,
      });
  }
}
