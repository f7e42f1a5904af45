import { JsonReader, moreBytes, textOf } from "./json-reader.ts";

/** A string, number or word of a JSON value that was read before, with the name of the member it stands under. */
export interface Leaf {
  readonly start: number;
  readonly end: number;
  /** The empty text for the value itself. */
  readonly key: string;
}

/** Every leaf of the value that lies from `start` to `end`, however deep, in order. */
export function leavesOf(bytes: Uint8Array, start: number, end: number): readonly Leaf[] {
  const found: Leaf[] = [];
  const reader = new JsonReader();
  reader.open(bytes, start, end, true);
  let key = "";
  while (moreBytes(reader)) {
    const from = reader.at;
    const byte = bytes[from];
    if (byte === 0x22) {
      reader.string();
      const to = reader.at;
      if (moreBytes(reader) && bytes[reader.at] === 0x3a) key = textOf(bytes, from, to);
      else found.push({ start: from, end: to, key });
    } else if (isPunctuation(byte)) reader.at++;
    else {
      reader.scalar();
      found.push({ start: from, end: reader.at, key });
    }
  }
  return found;
}

export interface Member {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

/** The members of the object that begins at `start`; the elements of an array, with their index as key; none otherwise. */
export function membersOf(bytes: Uint8Array, start: number, end: number): readonly Member[] {
  const reader = new JsonReader();
  reader.open(bytes, start, end, true);
  const opening = moreBytes(reader) ? bytes[reader.at] : undefined;
  if (opening !== 0x7b && opening !== 0x5b) return [];
  reader.at++;
  const found: Member[] = [];
  for (let byte = reader.peek(); byte !== 0x7d && byte !== 0x5d; byte = reader.peek()) {
    if (byte === 0x2c) reader.at++;
    else {
      const key = opening === 0x7b ? keyOf(reader) : String(found.length);
      reader.peek();
      const from = reader.at;
      reader.skip();
      found.push({ key, start: from, end: reader.at });
    }
  }
  return found;
}

function keyOf(reader: JsonReader): string {
  const start = reader.at;
  reader.string();
  const key = textOf(reader.bytes, start, reader.at);
  reader.peek();
  reader.at++;
  return key;
}

/** `{ } [ ] , :` */
function isPunctuation(byte: number | undefined): boolean {
  return byte === 0x7b || byte === 0x7d || byte === 0x5b || byte === 0x5d || byte === 0x2c || byte === 0x3a;
}
