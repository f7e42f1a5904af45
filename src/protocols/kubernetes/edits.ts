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

  get count(): number {
    return this.#all.length;
  }

  add(start: number, end: number, text: string): void {
    this.#all.push({ start, end, text: Buffer.from(text) });
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
  const parts: Uint8Array[] = [];
  let at = from;
  for (const [index, { start, end, text }] of edits.entries()) {
    if (edits[index + 1]?.start === start) continue;
    parts.push(slice(bytes, at, start), text);
    at = end;
  }
  parts.push(slice(bytes, at, to));
  return sealed(Buffer.concat(parts));
}

/** What comes out of here has been read to the end, token by token. */
function sealed(bytes: Uint8Array): Masked<Uint8Array> {
  return bytes as Masked<Uint8Array>;
}
