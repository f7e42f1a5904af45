/** Sets of byte values as tables, so that a scan costs one load a byte. */
export type ByteSet = Uint8Array;

/** The set of the characters in `characters`, with ranges such as `a-z`, and of all bytes from 0x80 when `high`. */
export function byteSet(ranges: string, high = false): ByteSet {
  const set = new Uint8Array(256);
  for (const [, from = "", to = from] of ranges.matchAll(/(.)(?:-(.))?/gs))
    for (let byte = from.charCodeAt(0); byte <= to.charCodeAt(0); byte++) set[byte] = 1;
  if (high) set.fill(1, 0x80);
  return set;
}

/** Whether the byte at `at` belongs to the set; false outside of the buffer. */
export function isIn(set: ByteSet, bytes: Uint8Array, at: number): boolean {
  return set[bytes[at] ?? 256] === 1;
}

/** The end of the run of the set's bytes that starts at `from`, at most `to`. */
export function runEnd(set: ByteSet, bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && isIn(set, bytes, at)) at++;
  return at;
}

/** Whether `literal` stands at `at`, wholly before `to`. */
export function standsAt(literal: Uint8Array, bytes: Uint8Array, at: number, to: number): boolean {
  if (at + literal.length > to) return false;
  for (let i = 0; i < literal.length; i++) if (bytes[at + i] !== literal[i]) return false;
  return true;
}

export const digit = byteSet("0-9");
