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
    let wait: Wait | undefined;
    // Few operations are ever held, and each statement comes through here: a wait is made when somebody asks for its signal.
    const begin = (): Wait => {
      wait ??= new Wait(this.#gone);
      return wait;
    };
    try {
      return await admit({
        get signal() {
          return begin().controller.signal;
        },
        onHold: (held) => {
          const { controller } = begin();
          this.#cancel = controller;
          this.#say(holdNotice(held));
          begin().timers.push(
            setInterval(() => this.#say(stillWaiting(held)), reminder),
            setTimeout(() => controller.abort(), this.#limit),
          );
        },
      });
    } finally {
      this.#cancel = undefined;
      wait?.end();
    }
  }
}

/** What gives up when the client goes, and the timers that run meanwhile. */
class Wait {
  readonly controller = new AbortController();
  readonly timers: NodeJS.Timeout[] = [];
  readonly #gone: AbortSignal;
  readonly #leave = (): void => this.controller.abort();

  constructor(gone: AbortSignal) {
    this.#gone = gone;
    if (gone.aborted) this.#leave();
    else gone.addEventListener("abort", this.#leave, { once: true });
  }

  end(): void {
    this.#gone.removeEventListener("abort", this.#leave);
    for (const timer of this.timers) clearTimeout(timer);
  }
}

function stillWaiting(held: Held): Buffer {
  return notice(`ihc: still waiting for approval of ${held.request}`);
}
