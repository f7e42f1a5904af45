import type { Classified, Statement } from "./statement.ts";
import type { Field } from "./wire/backend.ts";

/** A prepared statement, whoever prepared it (Parse or SQL PREPARE): judged anew by its text each time it is used. */
export interface Prepared {
  readonly sql: string;
  /** Finds it in the classification of `sql`. */
  readonly pick: (classified: Classified) => Statement | undefined;
  /** Type OIDs of the parameters as Parse named them; 0 or absent where the server infers. */
  readonly types: readonly number[];
  description: Description | undefined;
  /** The batch in which a description was last asked for. */
  describedIn: number;
}

/** Columns of a result; `fields` is undefined when there is none. `generation` tells whether the catalog has changed since. */
export interface Description {
  readonly fields: readonly Field[] | undefined;
  readonly generation: number;
}

export type Found<T> = { readonly known: true; readonly value: T | undefined } | { readonly known: false };

/**
 * Names of one kind, statements or portals, which protocol messages and SQL share. What a message does to a name is certain
 * only when the server has answered, but within a batch (up to Sync) later messages run only if earlier ones succeeded, so
 * there the proposal counts; a later batch has to wait.
 */
export class Names<T> {
  readonly #settled = new Map<string, T>();
  readonly #proposed = new Map<string, { readonly value: T | undefined; readonly batch: number }>();

  find(name: string, batch: number): Found<T> {
    const proposal = this.#proposed.get(name);
    if (!proposal) return { known: true, value: this.#settled.get(name) };
    return proposal.batch === batch ? { known: true, value: proposal.value } : { known: false };
  }

  /** A message on its way to the server gives the name to `value`, or takes it away. */
  propose(name: string, value: T | undefined, batch: number): void {
    this.#proposed.set(name, { value, batch });
  }

  proposeNone(batch: number): void {
    for (const name of [...this.#settled.keys(), ...this.#proposed.keys()])
      this.propose(name, undefined, batch);
  }

  /** The server has done it; returns what the name stood for before. */
  settle(name: string, value: T | undefined): T | undefined {
    const before = this.#settled.get(name);
    if (value === undefined) this.#settled.delete(name);
    else this.#settled.set(name, value);
    return before;
  }

  /** Forgets every settled name but those that `keep` wants; returns what is forgotten. */
  retain(keep: (value: T) => boolean): readonly T[] {
    const dropped: T[] = [];
    for (const [name, value] of this.#settled)
      if (!keep(value)) {
        this.#settled.delete(name);
        dropped.push(value);
      }
    return dropped;
  }

  /** The batch has been answered whole: what of it was not done never will be. */
  endBatch(batch: number): void {
    for (const [name, proposal] of this.#proposed) if (proposal.batch <= batch) this.#proposed.delete(name);
  }
}
