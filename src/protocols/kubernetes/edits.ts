import { IhcError } from "../../base/errors.ts";
import type { Masked } from "../../core/masking/rule.ts";
import { slice } from "./wire/json-reader.ts";

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: Buffer;
}

/** Replacements of whole tokens in one buffer, in any order. Of two for the same token the later counts. */
export class Edits {
  #all: Edit[] = [];
  #last = "";
  #lastBytes = Buffer.alloc(0);

  get count(): number {
    return this.#all.length;
  }

  add(start: number, end: number, text: string): void {
    // Most replacements are the same.
    if (text !== this.#last) this.#lastBytes = Buffer.from(text);
    this.#last = text;
    this.#all.push({ start, end, text: this.#lastBytes });
  }

  /** Forgets all but the first `count`: a value that was not complete is read again later. */
  rewind(count: number): void {
    this.#all.length = count;
  }

  /** The bytes from `from` to `to` with what was replaced; forgets the replacements. */
  apply(bytes: Uint8Array, from: number, to: number): Masked<Uint8Array> {
    const edits = this.#all;
    this.#all = [];
    return rendered(edits, bytes, from, to);
  }

  /** As `apply` for a part of the bytes, which is rendered once more later. */
  copy(bytes: Uint8Array, from: number, to: number): Masked<Uint8Array> {
    let first = this.#all.length;
    while (first > 0 && (this.#all[first - 1]?.start ?? 0) >= from) first--;
    return rendered(this.#all.slice(first), bytes, from, to);
  }
}

function rendered(edits: Edit[], bytes: Uint8Array, from: number, to: number): Masked<Uint8Array> {
  if (edits.length === 0) return sealed(from === 0 && to === bytes.length ? bytes : slice(bytes, from, to));
  edits.sort((a, b) => a.start - b.start);
  const counted = edits.filter(({ start }, index) => edits[index + 1]?.start !== start);
  let size = to - from;
  for (const { start, end, text } of counted) size += text.length - (end - start);
  const source = slice(bytes, 0, bytes.length);
  const out = Buffer.allocUnsafe(size);
  let read = from;
  let at = 0;
  for (const { start, end, text } of counted) {
    if (start < read) throw new IhcError("internal", "two replacements overlap");
    at += source.copy(out, at, read, start);
    at += text.copy(out, at);
    read = end;
  }
  at += source.copy(out, at, read, to);
  if (at !== size) throw new IhcError("internal", "a replacement lies outside of its text");
  return sealed(out);
}

/** What comes out of here has been read to the end, token by token. */
function sealed(bytes: Uint8Array): Masked<Uint8Array> {
  return bytes as Masked<Uint8Array>;
}
