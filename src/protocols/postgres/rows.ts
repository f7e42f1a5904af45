/**
 * Masks result rows. What happens to each column is decided once per result shape:
 *
 *   D DataRow: Byte1 'D' · Int32 length · Int16 n · n × (Int32 length or -1 · bytes)
 *
 * A row that needs nothing is passed as it is, neither decoded nor copied.
 */
import { IhcError } from "../../base/errors.ts";
import type { JournalColumn } from "../../core/journal/event.ts";
import type { MaskPlan } from "../../core/masking/plan.ts";
import type { How, Masked } from "../../core/masking/rule.ts";
import { Arena } from "./arena.ts";
import { type Cell, type ColumnCell, detection, replacement } from "./cells.ts";
import type { ResultMasking } from "./statement.ts";
import type { Field } from "./wire/backend.ts";

export interface RowContext {
  /** How a column of a relation is masked, by identity. */
  maskedColumn(tableOid: number, attribute: number): How | undefined;
  readonly masking: ResultMasking;
  readonly masks: MaskPlan;
  /** Result formats as Bind gave them: none for all text, one for all, else one a column. Absent: the fields' own. */
  readonly formats?: readonly number[];
  /** Where masked rows are made; one of its own by default. */
  readonly arena?: Arena;
}

/** Fits `RowMask` of result.ts. */
export interface RowMasks {
  /** No row of this result can change: chunks may be passed on without looking. */
  readonly inert: boolean;
  readonly columns: readonly JournalColumn[];
  /** Masks the frame that lies in `bytes` from `start` to `end`. Throws IhcError `invalid` on a row of another shape. */
  row(bytes: Buffer, start: number, end: number): Masked<Uint8Array> | "untouched";
  /** Vouches for rows that `row` left untouched, or for chunks of rows that `clean` passed. */
  untouched(bytes: Buffer): Masked<Uint8Array>;
  /** As `row` for a frame of its own: the same buffer when nothing changed. */
  maskRow(frame: Buffer): Masked<Uint8Array>;
  /** Whether rows that stand one after the other from `start` to `end` surely need nothing: one scan for a whole chunk. */
  clean(bytes: Buffer, start: number, end: number): boolean;
}

/** Decides for each column: untouched, replaced, or scanned by the detectors. */
export function compileRows(fields: readonly Field[], context: RowContext): RowMasks {
  const columns = fields.map((field, index) => compileColumn(field, index, context));
  const cells = columns.map((column) => column.cell);
  const inert = cells.every((cell) => cell === undefined);
  const scannable = columns.every((column) => column.cell === undefined || column.plain);
  const { masks, arena = new Arena() } = context;
  const clean = (bytes: Buffer, start: number, end: number): boolean =>
    inert || (scannable && !masks.suspects(bytes, start, end));
  const row = (bytes: Buffer, start: number, end: number): Masked<Uint8Array> | "untouched" => {
    if (bytes.readUInt16BE(start + 5) !== cells.length)
      throw new IhcError("invalid", "a row has other columns than its description");
    return clean(bytes, start + 7, end) ? "untouched" : maskCells(cells, bytes, start, end, arena);
  };
  const untouched = (bytes: Uint8Array): Masked<Uint8Array> => bytes as Masked<Uint8Array>;
  return {
    inert,
    columns: columns.map((column) => column.journal),
    row,
    untouched,
    maskRow: (frame) => {
      const masked = row(frame, 0, frame.length);
      return masked === "untouched" ? untouched(frame) : masked;
    },
    clean,
  };
}

interface Column extends Partial<ColumnCell> {
  readonly journal: JournalColumn;
}

function compileColumn(field: Field, index: number, context: RowContext): Column {
  const { masks } = context;
  const binary = formatOf(field, index, context.formats) === 1;
  const how = howOf(field, context);
  const journal = {
    name: masks.text(field.name),
    type: String(field.typeOid),
    masked: how !== undefined,
    binary,
  };
  if (how !== undefined)
    return { journal, plain: false, cell: replacement(how, field.typeOid, binary, masks) };
  const scan = masks.hasDetectors ? detection(field.typeOid, binary, masks) : undefined;
  return { journal, ...scan };
}

/** Identity decides; a column without one is judged by its name, or masked whole where its origin is unknown. */
function howOf(field: Field, context: RowContext): How | undefined {
  if (field.tableOid !== 0) return context.maskedColumn(field.tableOid, field.attribute);
  const byName = context.masks.name(field.name);
  if (byName !== undefined) return byName;
  return context.masking.kind === "whole" ? context.masking.how : undefined;
}

function formatOf(field: Field, index: number, formats: readonly number[] | undefined): number {
  if (formats === undefined) return field.format;
  if (formats.length === 0) return 0;
  const format = formats.length === 1 ? formats[0] : formats[index];
  if (format !== 0 && format !== 1)
    throw new IhcError("invalid", "a result format is neither text nor binary");
  return format;
}

/** A change to one value: what replaces the bytes from the value's length word to its end. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly value: Buffer | null;
}

function maskCells(
  cells: readonly (Cell | undefined)[],
  bytes: Buffer,
  start: number,
  end: number,
  arena: Arena,
): Masked<Uint8Array> | "untouched" {
  const changes: Change[] = [];
  let at = start + 7;
  for (const cell of cells) {
    const length = at + 4 <= end ? bytes.readInt32BE(at) : end;
    const from = at + 4;
    const to = length > 0 ? from + length : from;
    if (to > end) throw new IhcError("invalid", "a row is shorter than it says");
    const value = cell && length >= 0 ? cell(bytes, from, to) : undefined;
    if (value !== undefined) changes.push({ start: at, end: to, value });
    at = to;
  }
  if (at !== end) throw new IhcError("invalid", "a row is longer than it says");
  return changes.length === 0 ? "untouched" : rebuild(bytes, start, end, changes, arena);
}

function rebuild(
  bytes: Buffer,
  start: number,
  end: number,
  changes: readonly Change[],
  arena: Arena,
): Masked<Uint8Array> {
  let size = end - start;
  for (const change of changes) size += 4 + (change.value?.length ?? 0) - (change.end - change.start);
  const out = arena.take(size);
  let read = start;
  let at = 0;
  for (const { start: from, end: to, value } of changes) {
    at = copied(bytes, read, from, out, at);
    at = out.writeInt32BE(value === null ? -1 : value.length, at);
    if (value !== null) at = copied(value, 0, value.length, out, at);
    read = to;
  }
  copied(bytes, read, end, out, at);
  out.writeInt32BE(size - 1, 1);
  return out as Uint8Array as Masked<Uint8Array>;
}

/** Up to this many bytes a loop is faster than a call out of JavaScript. */
const few = 48;

/** Copies, and returns where the copy ends. */
function copied(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  if (end - start > few) return at + from.copy(to, at, start, end);
  for (let i = start; i < end; i++) to[at + i - start] = from[i] ?? 0;
  return at + end - start;
}
