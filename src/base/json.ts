/** What JSON can say. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/**
 * The canonical form of RFC 8785 (JCS): sorted keys, no blanks, ECMAScript numbers. Equal values give equal bytes.
 * Lone surrogates and numbers that are not finite are refused, as the RFC asks.
 */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError("a canonical number is finite");
    return JSON.stringify(value);
  }
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new TypeError("a canonical string has no lone surrogates");
    return JSON.stringify(value);
  }
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .sort(byCodeUnits)
    .map((key) => `${canonicalJson(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

/**
 * The canonical form of an object whose keys, at every depth, are written in order already, by the platform's own
 * serializer; undefined when a text in it may have lone surrogates. Numbers must be finite.
 */
export function sortedJson(value: object): string | undefined {
  const text = JSON.stringify(value);
  // The serializer escapes lone surrogates, and nothing else, as \udXXX.
  return text.includes("\\ud") ? undefined : text;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
