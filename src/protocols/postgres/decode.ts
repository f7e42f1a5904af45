import { IhcError } from "../../base/errors.ts";
import type { JournalColumn } from "../../core/journal/event.ts";
import { valueText } from "./value-text.ts";

/** Reads recorded DataRow frames, one after the other, as text for replay; null for NULL. Binary values of common types are written as PostgreSQL writes them, others as `\x` and hexadecimal digits. */
export function decodeRows(
  frames: Uint8Array,
  columns: readonly JournalColumn[],
): readonly (readonly (string | null)[])[] {
  const bytes = Buffer.from(frames.buffer, frames.byteOffset, frames.byteLength);
  const rows: (string | null)[][] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 1 + (at + 5 <= bytes.length ? bytes.readInt32BE(at + 1) : 0);
    if (bytes[at] !== 0x44 || end < at + 7 || end > bytes.length) throw broken();
    rows.push(decodeRow(bytes, at, end, columns));
    at = end;
  }
  return rows;
}

function decodeRow(bytes: Buffer, start: number, end: number, columns: readonly JournalColumn[]) {
  const count = bytes.readUInt16BE(start + 5);
  const cells: (string | null)[] = [];
  let at = start + 7;
  for (let i = 0; i < count; i++) {
    const length = at + 4 <= end ? bytes.readInt32BE(at) : end;
    const to = at + 4 + Math.max(0, length);
    if (to > end) throw broken();
    cells.push(length < 0 ? null : cellText(bytes, at + 4, to, columns[i]));
    at = to;
  }
  if (at !== end) throw broken();
  return cells;
}

function cellText(bytes: Buffer, start: number, end: number, column: JournalColumn | undefined): string {
  if (!column?.binary) return bytes.toString("utf8", start, end);
  return valueText(Number(column.type), bytes, start, end);
}

function broken(): IhcError {
  return new IhcError("corrupt", "recorded rows cannot be read");
}
