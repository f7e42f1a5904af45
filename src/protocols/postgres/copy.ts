/**
 * Masks what COPY … TO STDOUT sends: text or CSV rows that need not end where CopyData messages end.
 *
 * https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9
 */
import { IhcError } from "../../base/errors.ts";
import type { MaskPlan } from "../../core/masking/plan.ts";
import type { How, Masked } from "../../core/masking/rule.ts";
import { type Csv, copyText, copyUntext, csvText, csvUntext, splitCsv, splitText } from "./copy-fields.ts";
import type { StatementAction } from "./statement.ts";

export type CopyOut = Extract<StatementAction, { kind: "copy-out" }>;

export interface CopyMask {
  /**
   * Takes what a CopyData frame holds; returns the rows that are whole now, masked, the same buffer when nothing changed,
   * and nothing when no row is whole yet.
   */
  push(data: Buffer): Masked<Uint8Array>;
  /** What is left at CopyDone. */
  end(): Masked<Uint8Array>;
}

/** A row that does not end within this many bytes is refused: masking holds it whole. */
const longestRow = 64 * 1024 * 1024;
const newline = 0x0a;

/**
 * By position where the statement's columns are known, by the detectors for the other columns. Throws IhcError `denied`
 * for binary COPY with anything to mask; `push` throws IhcError `too-large` or `invalid`, and nothing of the row is sent.
 */
export function compileCopy(action: CopyOut, masks: MaskPlan): CopyMask {
  const masked = action.columns?.some((how) => how !== undefined) ?? false;
  if (action.format === "binary" && (masked || masks.hasColumns || masks.hasDetectors))
    throw new IhcError("denied", "binary COPY cannot be masked", {
      rule: "binary-copy",
      hint: "use COPY in text or CSV format",
    });
  if (!masked && !masks.hasDetectors) return { push: sealed, end: () => sealed(none) };
  return new RowCopy(action, masks);
}

const none = Buffer.alloc(0);

function sealed(data: Buffer): Masked<Uint8Array> {
  return data as Uint8Array as Masked<Uint8Array>;
}

class RowCopy implements CopyMask {
  readonly #masks: MaskPlan;
  readonly #row: (row: Buffer) => Buffer;
  readonly #csv: { readonly quote: number; readonly escape: number } | undefined;
  #headers: number;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** CSV only: whether the bytes held so far end inside a quoted value, where a newline does not end the row. */
  #quoted = false;
  #escaped = false;

  constructor(action: CopyOut, masks: MaskPlan) {
    this.#masks = masks;
    this.#row = rowMask(action, masks);
    const { quote, escape: mark } = csvOf(action);
    if (action.format === "csv") this.#csv = { quote: quote.charCodeAt(0), escape: mark.charCodeAt(0) };
    this.#headers = action.csv?.header ? 1 : 0;
  }

  push(data: Buffer): Masked<Uint8Array> {
    const out: Buffer[] = [];
    let from = 0;
    for (let end = this.#rowEnd(data, 0); end >= 0; end = this.#rowEnd(data, from)) {
      out.push(this.#mask(this.#release(data.subarray(from, end))));
      from = end;
    }
    this.#hold(data.subarray(from));
    const [only] = out;
    if (only && out.length === 1 && only.equals(data)) return sealed(data);
    return sealed(Buffer.concat(out));
  }

  end(): Masked<Uint8Array> {
    const rest = this.#release(none);
    return sealed(rest.length === 0 ? none : this.#mask(rest));
  }

  /** Where the row that `from` lies in ends, newline included; -1 when not in this piece. */
  #rowEnd(data: Buffer, from: number): number {
    if (!this.#csv) return data.indexOf(newline, from) + 1 || -1;
    for (let at = from; at < data.length; at++) if (this.#endsRow(data[at] ?? 0, this.#csv)) return at + 1;
    return -1;
  }

  /** A doubled quote toggles twice and so changes nothing; an escape of another kind hides what follows it. */
  #endsRow(
    byte: number,
    { quote, escape: mark }: { readonly quote: number; readonly escape: number },
  ): boolean {
    if (this.#escaped) this.#escaped = false;
    else if (byte === mark && mark !== quote && this.#quoted) this.#escaped = true;
    else if (byte === quote) this.#quoted = !this.#quoted;
    else return byte === newline && !this.#quoted;
    return false;
  }

  #hold(data: Buffer): void {
    if (data.length === 0) return;
    this.#heldBytes += data.length;
    if (this.#heldBytes > longestRow)
      throw new IhcError("too-large", "a row of COPY is too long to be masked");
    this.#held.push(data);
  }

  #release(last: Buffer): Buffer {
    if (this.#held.length === 0) return last;
    const row = Buffer.concat([...this.#held, last]);
    this.#held = [];
    this.#heldBytes = 0;
    return row;
  }

  #mask(row: Buffer): Buffer {
    if (this.#headers > 0) {
      this.#headers--;
      return Buffer.from(this.#masks.bytes(row));
    }
    return this.#row(row);
  }
}

function rowMask(action: CopyOut, masks: MaskPlan): (row: Buffer) => Buffer {
  const { columns } = action;
  const positional = columns?.some((how) => how !== undefined) ?? false;
  const csv = action.format === "csv";
  const form = csvOf(action);
  const delimiter = action.csv?.delimiter ?? (csv ? "," : "\t");
  const nothing = action.csv?.null ?? (csv ? "" : "\\N");
  const field = (how: How | undefined, raw: string): string => {
    if (raw === nothing) return raw;
    if (how === "null") return nothing;
    const value = csv ? csvUntext(raw, form) : copyUntext(raw);
    const masked = how === undefined ? detect(value, masks) : masks.value(how, value);
    if (masked === value) return raw;
    return csv ? csvText(masked, form) : copyText(masked, delimiter);
  };
  return (row) => {
    // Escapes hide characters, so a backslash asks for a closer look.
    if (!positional && !masks.suspects(row, 0, row.length) && !row.includes(0x5c)) return row;
    const line = row.toString("utf8");
    const ending = /\r?\n$/.exec(line)?.[0] ?? "";
    const body = line.slice(0, line.length - ending.length);
    const fields = csv ? splitCsv(body, form) : splitText(body, delimiter);
    if (columns && fields.length !== columns.length)
      throw new IhcError("invalid", "a row of COPY has other columns than its statement");
    const masked = fields.map((raw, i) => field(columns?.[i], raw)).join(delimiter) + ending;
    return masked === line ? row : Buffer.from(masked);
  };
}

/** COPY tells no types: what looks as if it held JSON escapes is read as JSON. */
function detect(value: string, masks: MaskPlan): string {
  if (!value.includes("\\u")) return masks.text(value);
  return Buffer.from(masks.json(Buffer.from(value))).toString("utf8");
}

function csvOf(action: CopyOut): Csv {
  return action.csv ?? { delimiter: ",", quote: '"', escape: '"' };
}
