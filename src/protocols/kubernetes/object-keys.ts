/** Names of members that masking looks at, wherever they stand. */
export type Key =
  | "kind"
  | "data"
  | "stringData"
  | "binaryData"
  | "name"
  | "value"
  | "env"
  | "items"
  | "rows"
  | "cells"
  | "object"
  | "message"
  | "applied"
  | "metadata"
  | "managedFields";

interface Named {
  readonly key: Key;
  /** In lower case. */
  readonly bytes: Uint8Array;
}

const names: Readonly<Record<string, Key>> = {
  kind: "kind",
  data: "data",
  stringdata: "stringData",
  binarydata: "binaryData",
  name: "name",
  value: "value",
  env: "env",
  items: "items",
  rows: "rows",
  cells: "cells",
  object: "object",
  message: "message",
  note: "message",
  metadata: "metadata",
  managedfields: "managedFields",
  "kubectl.kubernetes.io/last-applied-configuration": "applied",
};
/** By length and first letter, so that nearly every other name costs one look. */
const places: (readonly Named[] | undefined)[] = new Array(64 * 32).fill(undefined);
for (const [name, key] of Object.entries(names)) {
  const bytes = Buffer.from(name);
  const place = placeOf(bytes.length, bytes[0] ?? 0);
  places[place] = [...(places[place] ?? []), { key, bytes }];
}

/** Which of the names stands between `start` and `end`; case counts for the server but not for every client. */
export function keyAt(bytes: Uint8Array, start: number, end: number): Key | undefined {
  if (end - start > 63) return undefined;
  const candidates = places[placeOf(end - start, bytes[start] ?? 0)];
  if (candidates === undefined) return undefined;
  for (const named of candidates) if (same(named.bytes, bytes, start)) return named.key;
  return undefined;
}

function placeOf(length: number, first: number): number {
  return length * 32 + (first & 31);
}

export function keyOf(text: string): Key | undefined {
  const name = text.toLowerCase();
  return Object.hasOwn(names, name) ? names[name] : undefined;
}

function same(name: Uint8Array, bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < name.length; i++) {
    const wanted = name[i] ?? 0;
    const byte = bytes[start + i] ?? 0;
    if (byte !== wanted && !(byte >= 0x41 && byte <= 0x5a && (byte | 0x20) === wanted)) return false;
  }
  return true;
}
