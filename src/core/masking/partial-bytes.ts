/** Bytes that a partial form of a value can take at most: one of the longest value, or the longest address. */
export const longestPartial = 512;

const star = 0x2a;
const at = 0x40;
const dot = 0x2e;
const plus = 0x2b;

/**
 * The partial form of an ASCII value as `replace.ts` makes it of a text, written to `out` from `to` on, without making a
 * text of it: a masked column of a large result has millions of values. Returns the number of bytes written, or -1 for
 * what is left to the text form: other characters, and values that are longer than `longestPartial`.
 */
export function partialInto(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: Uint8Array,
  to: number,
): number {
  if (end - start > longestPartial || start === end) return -1;
  const first = bytes[start] ?? 0;
  let seen = kinds[first] ?? 0;
  // A plus may stand in front of a number, and only there.
  let numeric = first === plus && end - start > 1 ? inNumber : (seen & place) << 1;
  let digits = seen & digit;
  let places = (seen & place) >> 1;
  for (let i = start + 1; i < end; i++) {
    const kind = kinds[bytes[i] ?? 0] ?? 0;
    seen |= kind;
    numeric &= kind;
    digits += kind & digit;
    places += (kind & place) >> 1;
  }
  if ((seen & foreign) !== 0) return -1;
  if ((seen & sign) !== 0) return address(bytes, start, end, out, to);
  if (numeric === 0) return firstOnly(first, out, to);
  // Only what has many digits can be a card, masked before or not; those are rare enough for the text form.
  if (digits >= 13 || end - start === 16) return -1;
  return number(bytes, start, end, places, out, to);
}

// What a byte may be, as bits.
const digit = 1;
const place = 2;
const inNumber = 4;
const sign = 8;
const foreign = 16;

const kinds = new Uint8Array(256).fill(foreign).fill(0, 0x20, 0x7f);
for (const code of Buffer.from(" ().-")) kinds[code] = inNumber;
kinds.fill(digit | place | inNumber, 0x30, 0x3a);
kinds[star] = place | inNumber;
kinds[at] = sign;

function address(bytes: Uint8Array, start: number, end: number, out: Uint8Array, to: number): number {
  const lastSign = lastOf(at, bytes, start, end);
  const point = lastOf(dot, bytes, start, end);
  const first = bytes[start] ?? 0;
  let next = to;
  if (lastSign - start > 1 && first !== star) out[next++] = first;
  next = stars(out, next);
  out[next++] = at;
  next = stars(out, next);
  out[next++] = dot;
  const suffix = end - point - 1;
  if (point < lastSign || suffix < 2 || suffix > 12 || !isLower(bytes, point + 1, end))
    return stars(out, next) - to;
  for (let i = point + 1; i < end; i++) out[next++] = bytes[i] ?? 0;
  return next - to;
}

function firstOnly(first: number, out: Uint8Array, to: number): number {
  let next = to;
  if (((kinds[first] ?? 0) & place) === 0) out[next++] = first;
  return stars(out, next) - to;
}

function number(
  bytes: Uint8Array,
  start: number,
  end: number,
  places: number,
  out: Uint8Array,
  to: number,
): number {
  let left = places;
  for (let i = start; i < end; i++) {
    const code = bytes[i] ?? 0;
    const kept = ((kinds[code] ?? 0) & place) === 0 || (places >= 10 && left-- <= 2);
    out[to + i - start] = kept ? code : star;
  }
  return end - start;
}

function stars(out: Uint8Array, to: number): number {
  out[to] = star;
  out[to + 1] = star;
  out[to + 2] = star;
  return to + 3;
}

function lastOf(code: number, bytes: Uint8Array, start: number, end: number): number {
  let last = end - 1;
  while (last >= start && bytes[last] !== code) last--;
  return last;
}

function isLower(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = bytes[i] ?? 0;
    if (code < 0x61 || code > 0x7a) return false;
  }
  return true;
}
