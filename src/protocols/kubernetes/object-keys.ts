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
  | "applied";

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
  "kubectl.kubernetes.io/last-applied-configuration": "applied",
};
const byLength: (readonly Named[])[] = [];
for (const [name, key] of Object.entries(names))
  byLength[name.length] = [...(byLength[name.length] ?? []), { key, bytes: Buffer.from(name) }];

/** Which of the names stands between `start` and `end`; case counts for the server but not for every client. */
export function keyAt(bytes: Uint8Array, start: number, end: number): Key | undefined {
  const candidates = byLength[end - start];
  if (candidates === undefined) return undefined;
  for (const { key, bytes: name } of candidates) if (same(name, bytes, start)) return key;
  return undefined;
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
