import type { Masked } from "../../core/masking/rule.ts";
import { maskStream } from "../../core/masking/stream.ts";
import type { Session } from "../../core/session/session.ts";

/** How long a prompt, or the echo of what is typed, may be held back, milliseconds. */
const patience = 30;
/** How long the end of other output may be: a value can stand on the border of two packets, and the second can be late. */
const otherwise = 500;
/** What is shown this long after something was typed may be its echo or an answer to it, milliseconds. */
const attentive = 1000;
/** How a prompt ends. */
const prompt = /[:?>#$%)\]]\s*$/;

export interface OutputOptions {
  readonly session: Session;
  readonly stream: "out" | "err";
  /** Somebody types: what may be the beginning of a value goes out after a pause, because it may be a prompt. */
  readonly interactive: boolean;
  /** When something was typed last; of `performance.now()`. */
  readonly typed: () => number;
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
    this.#timer = setTimeout(
      () => this.#send(this.#shown.flush()),
      this.#isAwaited(data) ? patience : otherwise,
    );
  }

  /** Whether somebody may be waiting for just this. */
  #isAwaited(data: Uint8Array): boolean {
    if (performance.now() - this.#options.typed() < attentive) return true;
    return prompt.test(Buffer.from(data.subarray(-8)).toString("latin1"));
  }

  /** Sends and records what is held back. */
  end(): void {
    clearTimeout(this.#timer);
    this.#send(this.#shown.end());
    if (this.#recorded) this.#record(this.#recorded.end());
  }

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
