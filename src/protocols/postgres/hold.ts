import type { AdmitOptions, Held } from "../../core/session/session.ts";
import { holdNotice, notice } from "./denial.ts";

/** How often a waiting client hears that it still waits, milliseconds; proxies cut connections that are silent for a minute. */
const reminder = 30_000;

/** The client's side of a hold: told at once, kept alive, given up when the client leaves, cancels or has waited enough. */
export class Hold {
  readonly #gone: AbortSignal;
  readonly #limit: number;
  readonly #say: (message: Buffer) => void;
  #cancel: AbortController | undefined;
  #canceled = false;

  constructor(gone: AbortSignal, limit: number, say: (message: Buffer) => void) {
    this.#gone = gone;
    this.#limit = limit;
    this.#say = say;
  }

  /** Whether the last wait was ended by the client's CancelRequest. */
  get canceled(): boolean {
    return this.#canceled;
  }

  /** Gives up the wait under way; false when nothing waits. */
  cancel(): boolean {
    if (!this.#cancel) return false;
    this.#canceled = true;
    this.#cancel.abort();
    return true;
  }

  async during<T>(admit: (options: AdmitOptions) => Promise<T>): Promise<T> {
    this.#canceled = false;
    let timer: NodeJS.Timeout | undefined;
    let limit: NodeJS.Timeout | undefined;
    const given = new AbortController();
    const leave = (): void => given.abort();
    this.#gone.addEventListener("abort", leave, { once: true });
    try {
      return await admit({
        signal: given.signal,
        onHold: (held) => {
          this.#cancel = given;
          this.#say(holdNotice(held));
          timer = setInterval(() => this.#say(stillWaiting(held)), reminder);
          limit = setTimeout(leave, this.#limit);
        },
      });
    } finally {
      this.#cancel = undefined;
      this.#gone.removeEventListener("abort", leave);
      clearInterval(timer);
      clearTimeout(limit);
    }
  }
}

function stillWaiting(held: Held): Buffer {
  return notice(`ihc: still waiting for approval of ${held.request}`);
}
