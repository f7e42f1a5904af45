import { longestPartial, partialInto } from "../../core/masking/partial-bytes.ts";
import type { MaskPlan } from "../../core/masking/plan.ts";
import type { How } from "../../core/masking/rule.ts";
import { numberText } from "./numbers.ts";
import { oids, type PgType, typeOf } from "./types.ts";

/**
 * What becomes of one value that is not NULL, standing in `bytes` from `start` to `end`: undefined leaves it as it is,
 * null makes it NULL.
 */
export type Cell = (bytes: Buffer, start: number, end: number) => Buffer | null | undefined;

export interface ColumnCell {
  readonly cell: Cell;
  /** Whether a scan over the raw row sees everything this cell looks for. */
  readonly plain: boolean;
}

/** The cell of a masked column: a value its type allows, else NULL. */
export function replacement(how: How, typeOid: number, binary: boolean, masks: MaskPlan): Cell {
  const type = typeOf(typeOid);
  if (how === "null") return toNull;
  if (type.blank) return always(binary ? type.blank.binary : type.blank.text);
  const fixed = how === "redact" ? Buffer.from(masks.value(how, "")) : undefined;
  const words = (bytes: Buffer, start: number, end: number): Buffer =>
    fixed ?? Buffer.from(masks.value(how, bytes.toString("utf8", start, end)));
  switch (type.family) {
    case "text":
      return how === "partial" ? partial(words) : words;
    case "json":
    case "jsonb": {
      // A document has no shape worth keeping; only a hash still says whether two are equal.
      const told = (bytes: Buffer, start: number, end: number): Buffer =>
        Buffer.from(
          JSON.stringify(how === "hash" ? words(bytes, start, end).toString() : masks.value("redact", "")),
        );
      return binary && type.family === "jsonb" ? versioned(told) : told;
    }
    case "bytea":
      return (bytes, start, end) => {
        const told = Buffer.from(
          masks.value(how === "hash" ? how : "redact", hexOf(bytes, start, end, binary)),
        );
        return binary ? told : Buffer.from(`\\x${told.toString("hex")}`);
      };
    case "array":
    case "opaque":
    case "long-number":
    case "unknown":
      return toNull;
  }
}

/** The cell that runs the detectors; undefined for a type in which they cannot find anything. */
export function detection(typeOid: number, binary: boolean, masks: MaskPlan): ColumnCell | undefined {
  const type = typeOf(typeOid);
  switch (type.family) {
    case "opaque":
      return undefined;
    case "text":
      return { cell: scanned(masks), plain: true };
    case "json":
      return { cell: document(masks), plain: false };
    case "jsonb":
      return { cell: binary ? versioned(document(masks)) : document(masks), plain: false };
    case "bytea":
      return binary ? { cell: scanned(masks), plain: true } : { cell: hexadecimal(masks), plain: false };
    case "long-number":
      return numeric(type, typeOid, binary, masks);
    case "array":
      return array(type, binary, masks);
    case "unknown":
      return { cell: binary ? opaque(masks) : scanned(masks), plain: true };
  }
}

/** Most values are short ASCII; for those no text is made. What has been handed out is never written to again. */
function partial(otherwise: (bytes: Buffer, start: number, end: number) => Buffer): Cell {
  let block = Buffer.alloc(0);
  let used = 0;
  return (bytes, start, end) => {
    if (block.length - used < longestPartial) {
      block = Buffer.allocUnsafeSlow(16 * longestPartial);
      used = 0;
    }
    const length = partialInto(bytes, start, end, block, used);
    if (length < 0) return otherwise(bytes, start, end);
    used += length;
    return block.subarray(used - length, used);
  };
}

function always(value: Buffer): Cell {
  return () => value;
}

function toNull(): null {
  return null;
}

function scanned(masks: MaskPlan): Cell {
  return (bytes, start, end) => {
    const masked: Uint8Array | undefined = masks.replaced(bytes, start, end);
    return masked && Buffer.from(masked.buffer, masked.byteOffset, masked.byteLength);
  };
}

/** A binary form we cannot rebuild: all or nothing. */
function opaque(masks: MaskPlan): Cell {
  return (bytes, start, end) => (masks.find(bytes, start, end).length === 0 ? undefined : null);
}

function document(masks: MaskPlan): Cell {
  return (bytes, start, end) => {
    const before: Uint8Array = bytes.subarray(start, end);
    const after: Uint8Array = masks.json(before);
    return after === before ? undefined : Buffer.from(after);
  };
}

/** Binary jsonb begins with a version byte. */
function versioned(cell: Cell): Cell {
  return (bytes, start, end) => {
    const masked = cell(bytes, start + 1, end);
    return masked ? Buffer.concat([bytes.subarray(start, start + 1), masked]) : masked;
  };
}

function hexadecimal(masks: MaskPlan): Cell {
  return (bytes, start, end) => {
    const raw = Buffer.from(hexOf(bytes, start, end, false), "hex");
    if (masks.find(raw, 0, raw.length).length === 0) return undefined;
    return Buffer.from(`\\x${Buffer.from(masks.bytes(raw)).toString("hex")}`);
  };
}

function hexOf(bytes: Buffer, start: number, end: number, binary: boolean): string {
  if (binary) return bytes.toString("hex", start, end);
  const text = bytes.toString("latin1", start, end);
  return text.startsWith("\\x") ? text.slice(2) : unescaped(text).toString("hex");
}

/** The text form under bytea_output = escape. */
function unescaped(text: string): Buffer {
  const plain = text.replace(/\\(\\|[0-3][0-7]{2})/g, (_escape, code: string) =>
    code === "\\" ? code : String.fromCharCode(Number.parseInt(code, 8)),
  );
  return Buffer.from(plain, "latin1");
}

/** Numbers are looked at only where a rule looks for cards, and only those long enough to be one. */
function numeric(type: PgType, oid: number, binary: boolean, masks: MaskPlan): ColumnCell | undefined {
  if (masks.detects("card") === undefined) return undefined;
  const blank = binary ? type.blank?.binary : type.blank?.text;
  const cell: Cell = (bytes, start, end) => {
    if (!binary && end - start < 13) return undefined;
    const text = binary ? Buffer.from(numberText(oid, bytes, start, end)) : bytes.subarray(start, end);
    return masks.find(text, 0, text.length).length === 0 ? undefined : (blank ?? null);
  };
  return { cell, plain: !binary };
}

function array(type: PgType, binary: boolean, masks: MaskPlan): ColumnCell | undefined {
  const element = type.element ?? 0;
  const inner = detection(element, binary, masks);
  if (!inner) return undefined;
  const blank = binary ? type.blank?.binary : type.blank?.text;
  if (binary) return { cell: elements(inner.cell), plain: inner.plain };
  const numbers = typeOf(element).family === "long-number";
  const cell: Cell = (bytes, start, end) => {
    if (element === oids.json && bytes.indexOf("\\u", start) >= start && bytes.indexOf("\\u", start) < end)
      return blank ?? null;
    const masked = scanned(masks)(bytes, start, end);
    // A key without an END line swallows the closing brace.
    const broken = masked && (numbers || masked.at(-1) !== 0x7d);
    return broken ? (blank ?? null) : masked;
  };
  return { cell, plain: element !== oids.json };
}

/**
 * Int32 dimensions · Int32 flags · Int32 element type · dimensions × (Int32 size · Int32 lower bound) ·
 * elements × (Int32 length or -1 · bytes)
 */
function elements(cell: Cell): Cell {
  return (bytes, start, end) => {
    const parts: Buffer[] = [];
    let kept = start;
    let at = start + 12 + 8 * bytes.readInt32BE(start);
    while (at < end) {
      const length = bytes.readInt32BE(at);
      const from = at + 4;
      const to = from + Math.max(0, length);
      if (to > end) return null;
      const masked = length < 0 ? undefined : cell(bytes, from, to);
      if (masked !== undefined) {
        parts.push(bytes.subarray(kept, at), ...sized(masked));
        kept = to;
      }
      at = to;
    }
    return parts.length === 0 ? undefined : Buffer.concat([...parts, bytes.subarray(kept, end)]);
  };
}

function sized(value: Buffer | null): readonly Buffer[] {
  const length = Buffer.alloc(4);
  length.writeInt32BE(value === null ? -1 : value.length);
  return value === null ? [length] : [length, value];
}
