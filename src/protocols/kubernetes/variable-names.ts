import type { How } from "../../core/masking/rule.ts";
import { textOf } from "./wire/json-reader.ts";

/** What masking makes of a variable's name. */
export interface Variable {
  /** Undefined when its value may be seen. */
  readonly how: How | undefined;
  /** For the recording. */
  readonly field: string;
}

interface Known extends Variable {
  readonly bytes: Uint8Array;
}

const places = 1024;
const longest = 128;

/**
 * Answers for names as they stand in an answer, without decoding one that was seen before: a list names the same few
 * variables again and again. Keeps the last name for each place of a small table.
 */
export class VariableNames {
  readonly #env: (name: string) => How | undefined;
  readonly #known: (Known | undefined)[] = new Array(places).fill(undefined);

  constructor(env: (name: string) => How | undefined) {
    this.#env = env;
  }

  /** The string token from `start` to `end`. */
  at(bytes: Uint8Array, start: number, end: number): Variable {
    if (end - start > longest) return this.#read(bytes, start, end);
    const place = placeOf(bytes, start, end);
    const known = this.#known[place];
    if (known !== undefined && same(known.bytes, bytes, start, end)) return known;
    const read = { ...this.#read(bytes, start, end), bytes: bytes.slice(start, end) };
    this.#known[place] = read;
    return read;
  }

  #read(bytes: Uint8Array, start: number, end: number): Variable {
    const name = textOf(bytes, start, end);
    return { how: this.#env(name), field: `env/${name}` };
  }
}

function placeOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
  return (hash ^ (hash >>> 15)) & (places - 1);
}

function same(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false;
  return true;
}
