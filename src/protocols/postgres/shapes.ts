import type { RowMask } from "./result.ts";
import type { Statement } from "./statement.ts";
import { type Field, parseRowDescription } from "./wire/backend.ts";

/** Descriptions of at most this many bytes are kept, and this many of them. */
const longest = 8192;
const most = 64;

/**
 * What one connection's results look like, remembered, because clients repeat their statements: equal descriptions give
 * the same fields, and the same fields under the same judgement the same mask.
 */
export class Shapes {
  readonly #parsed = new Map<string, readonly Field[]>();
  readonly #formatted = new WeakMap<readonly Field[], Map<string, readonly Field[]>>();
  readonly #masks = new WeakMap<
    readonly Field[],
    { readonly statement: Statement; readonly mask: RowMask }
  >();

  /** The fields of a RowDescription's frame. */
  fields(frame: Buffer): readonly Field[] {
    if (frame.length > longest) return parseRowDescription(frame);
    const key = frame.toString("latin1");
    const known = this.#parsed.get(key);
    if (known) return known;
    const fields = parseRowDescription(frame);
    if (this.#parsed.size >= most) this.#parsed.clear();
    this.#parsed.set(key, fields);
    return fields;
  }

  /** The fields of a statement in the formats that Bind chose. */
  formatted(fields: readonly Field[], formats: readonly number[]): readonly Field[] {
    const known = this.#formatted.get(fields) ?? new Map<string, readonly Field[]>();
    this.#formatted.set(fields, known);
    const key = formats.join();
    const found = known.get(key);
    if (found) return found;
    const made = fields.map((field, i) => ({
      ...field,
      format: (formats.length === 1 ? formats[0] : formats[i]) ?? 0,
    }));
    if (known.size >= most) known.clear();
    known.set(key, made);
    return made;
  }

  /** A judgement is made anew whenever the catalog is read anew, so a mask never outlives what it was compiled by. */
  mask(fields: readonly Field[], statement: Statement, compile: () => RowMask): RowMask {
    const known = this.#masks.get(fields);
    if (known?.statement === statement) return known.mask;
    const mask = compile();
    this.#masks.set(fields, { statement, mask });
    return mask;
  }
}
