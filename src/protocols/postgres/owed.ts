import type { Prepared } from "./names.ts";
import type { Portal, QueryRun } from "./portal.ts";
import type { Result } from "./result.ts";
import type { ErrorFields } from "./wire/encode.ts";

/** What the server still has to answer, in order. One entry per message that has an answer of its own. */
export type Owed =
  | { readonly kind: "parse"; readonly name: string; readonly prepared: Prepared }
  | { readonly kind: "bind"; readonly portal: string; readonly value: Portal }
  | {
      readonly kind: "describe";
      readonly what: "S" | "P";
      /** Where the description is kept, when the name is known. */
      readonly of: Prepared | Portal | undefined;
      /** Asked by the gateway, not by the client. */
      readonly hidden: boolean;
    }
  | {
      readonly kind: "execute";
      readonly portal: Portal;
      readonly result: Result | undefined;
      readonly cap: Capped | undefined;
      /** What to do when the server has completed it. */
      readonly settle: (() => void) | undefined;
    }
  | { readonly kind: "close"; readonly what: "S" | "P"; readonly name: string }
  | { readonly kind: "sync"; readonly batch: number }
  /** A message that cannot succeed, sent in place of a refused one: its error is replaced by `fields`. */
  | { readonly kind: "poison"; readonly fields: ErrorFields }
  /** A simple Query; `poison` as above, `hidden` when it is the gateway's own. */
  | {
      readonly kind: "query";
      readonly batch: number;
      readonly run: QueryRun | undefined;
      readonly poison: ErrorFields | undefined;
      readonly hidden: boolean;
      readonly cap: Capped | undefined;
    }
  /** CopyDone or CopyFail: has no answer, but bounds the messages that a COPY swallows. */
  | { readonly kind: "copy-end" };

/** A writing statement whose row count is judged before its success is told. */
export interface Capped {
  readonly limit: number;
  /** The largest count of its statements. */
  count: number;
  failed: boolean;
  /** CommandComplete and the like, withheld until the verdict. */
  readonly withheld: Buffer[];
  readonly done: () => void;
}

/** It will never be answered. */
export function abandon(entry: Owed): void {
  const cap = entry.kind === "execute" || entry.kind === "query" ? entry.cap : undefined;
  if (!cap) return;
  cap.failed = true;
  cap.done();
}

/** The queue, and what becomes of it after an error: the server skips extended messages up to Sync. */
export class OwedQueue {
  readonly #entries: Owed[] = [];
  #first = 0;
  #skipping = false;
  #idle: (() => void)[] = [];

  get head(): Owed | undefined {
    return this.#entries[this.#first];
  }

  get empty(): boolean {
    return this.#first === this.#entries.length;
  }

  /** Whether the server will answer everything without being told to flush. */
  get closed(): boolean {
    const last = this.#entries.at(-1);
    return this.empty || last?.kind === "sync" || last?.kind === "query";
  }

  /** The server has failed and ignores what is sent before Sync. */
  get skipping(): boolean {
    return this.#skipping;
  }

  push(entry: Owed): void {
    if (this.#skipping && entry.kind !== "sync") {
      abandon(entry);
      return;
    }
    this.#skipping = false;
    this.#entries.push(entry);
  }

  pop(): void {
    this.#first++;
    if (this.#first > 1024 && this.#first * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#first);
      this.#first = 0;
    }
    while (this.head?.kind === "copy-end") this.#first++;
    this.#wake();
  }

  /** The head failed: everything up to the next Sync is skipped by the server, queued already or still to come. */
  skipToSync(): readonly Owed[] {
    const skipped: Owed[] = [];
    while (this.head && this.head.kind !== "sync") {
      skipped.push(this.head);
      this.#first++;
    }
    this.#skipping = this.empty;
    this.#wake();
    return skipped;
  }

  /**
   * COPY FROM STDIN has begun at the head: the server ignores Sync and Flush until the data ends. Returns what else was
   * sent into the COPY, which it would take for an error, and whether the data's end is on its way already.
   */
  enterCopy(): { readonly strays: boolean; readonly ended: boolean } {
    const rest = this.#entries.splice(this.#first + 1);
    const end = rest.findIndex(({ kind }) => kind === "copy-end");
    const inside = end < 0 ? rest : rest.slice(0, end);
    const after = end < 0 ? [] : rest.slice(end);
    this.#entries.push(...after);
    return { strays: inside.some(({ kind }) => kind !== "sync"), ended: end >= 0 };
  }

  /** Resolves when everything sent so far is answered. */
  idle(): Promise<void> {
    if (this.empty) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  #wake(): void {
    if (!this.empty) return;
    this.#entries.length = 0;
    this.#first = 0;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
