import type { Capped, OwedQueue } from "./owed.ts";
import type { QueryRun } from "./portal.ts";
import { type ErrorFields, parseMessage, query } from "./wire/encode.ts";

/** Not SQL, so it fails in every state; sent in place of a refused message, it fails where that would have run. */
const refused = "/* refused by ihc */ !";

/**
 * The way to the server: each message that is sent is owed an answer. A refusal is a message that fails at the server,
 * whose error is replaced: so answers keep their order, an open transaction is really aborted, and the server itself skips
 * to Sync.
 */
export class Lane {
  readonly #owed: OwedQueue;
  readonly #send: (bytes: Buffer) => void;
  /** Counts what ends with a ReadyForQuery. */
  batch = 0;
  /** After a refusal in the extended protocol: the server skips too. */
  discarding = false;

  constructor(owed: OwedQueue, send: (bytes: Buffer) => void) {
    this.#owed = owed;
    this.#send = send;
  }

  sync(frame: Buffer): void {
    this.discarding = false;
    this.#send(frame);
    this.#owed.push({ kind: "sync", batch: this.batch });
    this.batch++;
  }

  /** `hidden`: the gateway's own, of which the client sees nothing. */
  query(frame: Buffer, run: QueryRun | undefined, cap: Capped | undefined, hidden = false): void {
    this.#owed.push({ kind: "query", batch: this.batch, run, poison: undefined, hidden, cap });
    this.batch++;
    this.#send(frame);
  }

  /** In place of a refused Query: the server answers with an error and is ready again. */
  poisonQuery(poison: ErrorFields): void {
    this.#owed.push({
      kind: "query",
      batch: this.batch,
      run: undefined,
      poison,
      hidden: false,
      cap: undefined,
    });
    this.batch++;
    this.#send(query(refused));
  }

  /** In place of a refused extended message: fails, drops the unnamed statement, and everything is skipped to Sync. */
  poison(fields: ErrorFields): void {
    this.#owed.push({ kind: "poison", fields });
    this.#send(parseMessage("", refused));
    this.discarding = true;
  }
}
