import type { OperationId } from "../../base/ids.ts";
import type { Masked } from "../../core/masking/rule.ts";
import type { Session } from "../../core/session/session.ts";
import type { ResponseCounts } from "./exchange.ts";
import type { Recorder } from "./lists.ts";

/** Recorded pieces wait for this many bytes before they go to the journal as one event. */
const block = 64 * 1024;
const newline = Buffer.from("\n");

/**
 * Records the answer to one operation: masked objects, one a line, or masked text, up to the session's recording limits; and
 * always status, bytes, number of objects and which fields were masked.
 */
export class Result implements Recorder {
  readonly #session: Pick<Session, "recording" | "masks" | "record">;
  readonly #operation: OperationId;
  #rows = 0;
  #bytes = 0;
  #full = false;
  #format: "k8s" | "k8s-text" = "k8s";
  #begun = false;
  #pieces: Uint8Array[] = [];
  #pending = 0;

  constructor(session: Pick<Session, "recording" | "masks" | "record">, operation: OperationId) {
    this.#session = session;
    this.#operation = operation;
  }

  get open(): boolean {
    return !this.#full;
  }

  object(object: Masked<Uint8Array>): void {
    const { rows, bytes } = this.#session.recording;
    if (this.#full || this.#rows >= rows || this.#bytes + object.length > bytes) {
      this.#full = true;
      return;
    }
    this.#rows++;
    this.#add("k8s", object);
    this.#add("k8s", newline as Uint8Array as Masked<Uint8Array>);
  }

  text(text: Masked<Uint8Array>): void {
    const room = this.#session.recording.bytes - this.#bytes;
    if (text.length > room) this.#full = true;
    if (room > 0) this.#add("k8s-text", text.subarray(0, room) as Masked<Uint8Array>);
  }

  /** `status` is the answer's, such as `200 OK`, or why there is none. */
  end(status: string, counts: ResponseCounts): void {
    this.#flush();
    this.#session.record({
      type: "result",
      operation: this.#operation,
      status: this.#session.masks.text(status),
      rows: counts.objects,
      bytes: counts.bytes,
      recordedRows: this.#rows,
      maskedColumns: counts.masked,
    });
  }

  #add(format: "k8s" | "k8s-text", bytes: Masked<Uint8Array>): void {
    this.#format = format;
    this.#bytes += bytes.length;
    this.#pieces.push(bytes);
    this.#pending += bytes.length;
    if (this.#pending >= block) this.#flush();
  }

  #flush(): void {
    if (this.#pending === 0) return;
    if (!this.#begun) this.#describe();
    this.#begun = true;
    // All of it was masked when it came.
    const data = Buffer.concat(this.#pieces) as Uint8Array as Masked<Uint8Array>;
    this.#pieces = [];
    this.#pending = 0;
    this.#session.record({ type: "rows", operation: this.#operation, format: this.#format, data });
  }

  #describe(): void {
    const name = this.#session.masks.text(this.#format === "k8s" ? "object" : "text");
    this.#session.record({
      type: "columns",
      operation: this.#operation,
      format: this.#format,
      columns: [{ name, type: "json", masked: false, binary: false }],
    });
  }
}
