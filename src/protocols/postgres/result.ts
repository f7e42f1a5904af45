import type { OperationId } from "../../base/ids.ts";
import type { JournalColumn } from "../../core/journal/event.ts";
import type { Masked } from "../../core/masking/rule.ts";
import type { Session } from "../../core/session/session.ts";
import { Joined } from "./joined.ts";

/** Masks the rows of one result shape. Made by rows.ts. */
export interface RowMask {
  /** No row of this result can change. */
  readonly inert: boolean;
  readonly columns: readonly JournalColumn[];
  /** Masks the DataRow frame that lies in `bytes` from `start` to `end`; the very bytes when nothing is to be replaced. */
  row(bytes: Buffer, start: number, end: number): Masked<Uint8Array> | "untouched";
  /** Vouches for rows that `row` left untouched. */
  untouched(bytes: Buffer): Masked<Uint8Array>;
}

/** Masked rows wait for this many bytes before they go to the journal as one event. */
const block = 64 * 1024;

/** Names what is recorded of one statement's result: columns, rows up to the session's limits, and counts always. */
export class Result {
  readonly operation: OperationId;
  readonly #session: Session;
  /** Set once the shape of the rows is known. Rows before that are a breach of protocol. */
  mask: RowMask | undefined;
  /** `pg`: DataRow frames; `pg-copy`: what COPY sends, text without frames. */
  #format: "pg" | "pg-copy" = "pg";
  #rows = 0;
  #bytes = 0;
  #recordedRows = 0;
  #recordedBytes = 0;
  readonly #pieces: Uint8Array[] = [];
  readonly #pending = new Joined((bytes) => this.#pieces.push(bytes));
  #pendingBytes = 0;
  #maskedColumns: readonly string[] = none;

  constructor(session: Session, operation: OperationId) {
    this.#session = session;
    this.operation = operation;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Bytes recorded so far, by which the reader knows when to wait for the journal. */
  get recordedBytes(): number {
    return this.#recordedBytes;
  }

  asCopy(): void {
    this.#format = "pg-copy";
  }

  shape(mask: RowMask): void {
    this.#flush();
    this.mask = mask;
    const { columns } = mask;
    this.#maskedColumns = columns.some(isMasked) ? columns.filter(isMasked).map(({ name }) => name) : none;
    this.#session.record({ type: "columns", operation: this.operation, format: "pg", columns });
  }

  /** Counts one row; true when `record` must be called with its masked frame. */
  count(length: number): boolean {
    this.#rows++;
    this.#bytes += length;
    const { rows, bytes } = this.#session.recording;
    return this.#recordedRows < rows && this.#recordedBytes + length <= bytes;
  }

  record(row: Masked<Uint8Array>): void {
    this.#recordedRows++;
    this.#recordedBytes += row.length;
    this.#pending.add(row);
    this.#pendingBytes += row.length;
    if (this.#pendingBytes >= block) this.#flush();
  }

  /** `counted` replaces the number of rows seen where the command tag knows better. */
  end(status: string, counted = this.#rows): void {
    this.#flush();
    this.#session.record({
      type: "result",
      operation: this.operation,
      status: this.#session.masks.text(status),
      rows: counted,
      bytes: this.#bytes,
      recordedRows: this.#recordedRows,
      maskedColumns: this.#maskedColumns,
    });
  }

  #flush(): void {
    if (this.#pendingBytes === 0) return;
    this.#pendingBytes = 0;
    this.#pending.flush();
    const pieces = this.#pieces.splice(0);
    const [only] = pieces;
    // All of it was masked when it came.
    const data = (pieces.length === 1 && only ? only : Buffer.concat(pieces)) as Masked<Uint8Array>;
    this.#session.record({ type: "rows", operation: this.operation, format: this.#format, data });
  }
}

const none: readonly string[] = [];

function isMasked(column: JournalColumn): boolean {
  return column.masked;
}
