import { digit, isIn } from "./bytes.ts";

const space = 0x20;
const hyphen = 0x2d;
const zero = 0x30;
/** Lengths a number may have by its first four digits (ISO/IEC 7812 ranges of the card schemes). */
const schemes: readonly {
  readonly from: number;
  readonly to: number;
  readonly lengths: readonly number[];
}[] = [
  { from: 4000, to: 4999, lengths: [13, 16, 19] },
  { from: 5100, to: 5599, lengths: [16] },
  { from: 2221, to: 2720, lengths: [16] },
  { from: 3400, to: 3499, lengths: [15] },
  { from: 3700, to: 3799, lengths: [15] },
  { from: 6011, to: 6011, lengths: [16, 17, 18, 19] },
  { from: 6440, to: 6599, lengths: [16, 17, 18, 19] },
  { from: 3528, to: 3589, lengths: [16, 17, 18, 19] },
  { from: 3000, to: 3059, lengths: [14, 15, 16, 17, 18, 19] },
  { from: 3600, to: 3699, lengths: [14, 15, 16, 17, 18, 19] },
  { from: 3800, to: 3999, lengths: [14, 15, 16, 17, 18, 19] },
  { from: 6200, to: 6299, lengths: [16, 17, 18, 19] },
  { from: 5000, to: 5099, lengths: [16, 17, 18, 19] },
  { from: 5600, to: 5899, lengths: [16, 17, 18, 19] },
  { from: 6300, to: 6399, lengths: [16, 17, 18, 19] },
  { from: 6700, to: 6799, lengths: [16, 17, 18, 19] },
];
export const longestCard = 19;
export const shortestCard = 13;

/**
 * The end of the card number that starts at the digit at `start`, -1 when there is none: digits in groups with one blank
 * or one hyphen between them, the same throughout, the longest that passes Luhn in a length its scheme uses.
 */
export function cardEnd(bytes: Uint8Array, start: number, to: number): number {
  const sums = [0, 0];
  let count = 0;
  let prefix = 0;
  let separator = 0;
  let best = -1;
  for (let at = start; at < to && count < longestCard; at++) {
    const value = (bytes[at] ?? 0) - zero;
    addDigit(sums, count, value);
    if (count < 4) prefix = prefix * 10 + value;
    count++;
    if (digitAt(bytes, at + 1, to)) continue;
    if (isCard(prefix, count, sums)) best = at + 1;
    if (!joins(bytes, at + 1, to, separator)) break;
    at++;
    separator = bytes[at] ?? 0;
  }
  return best;
}

/** The end of a US social security number `ddd-dd-dddd` or with blanks that starts at `start`; -1 when there is none. */
export function ssnEnd(bytes: Uint8Array, start: number, to: number): number {
  const end = start + 11;
  const separator = bytes[start + 3];
  if (end > to || (separator !== hyphen && separator !== space) || bytes[start + 6] !== separator) return -1;
  for (const i of [0, 1, 2, 4, 5, 7, 8, 9, 10]) if (!isIn(digit, bytes, start + i)) return -1;
  return end < to && isIn(digit, bytes, end) ? -1 : end;
}

/** Whether a separator of a social security number stands between `from` and `past`, with its digits around it. */
export function holdsSsn(bytes: Uint8Array, from: number, past: number, to: number): boolean {
  for (let at = from; at < past; at++) {
    const byte = bytes[at];
    if (byte !== hyphen && byte !== space) continue;
    if (bytes[at + 3] === byte && at + 8 <= to && isSsn(bytes, at)) return true;
  }
  return false;
}

/** Looks first where a date has a letter. */
function isSsn(bytes: Uint8Array, separator: number): boolean {
  if (!isIn(digit, bytes, separator + 6)) return false;
  for (const place of ssnDigits) if (!isIn(digit, bytes, separator + place)) return false;
  return true;
}

/** Where the digits stand, from the first separator. */
const ssnDigits = [-3, -2, -1, 1, 2, 4, 5, 6, 7];

/**
 * Where to go on after the digits at `start`, or -1 when `enough` of them stand there with at most one separator between
 * two, the same throughout. Where the separator changes, as in `2026-11-23 10`, the last group may begin a number again.
 */
export function pastDigits(bytes: Uint8Array, start: number, to: number, enough: number): number {
  let group = start;
  let count = 0;
  let separator = 0;
  for (let at = start; at < to; at++) {
    if (isIn(digit, bytes, at)) {
      count++;
      if (count >= enough) return -1;
    } else if (joins(bytes, at, to, separator)) {
      separator = bytes[at] ?? 0;
      group = at + 1;
    } else return separator !== 0 && joins(bytes, at, to, 0) ? group : at;
  }
  return to;
}

/** Whether a separator, `same` unless that is 0, stands at `at` with a digit behind it. */
function joins(bytes: Uint8Array, at: number, to: number, same: number): boolean {
  const byte = bytes[at];
  if ((byte !== space && byte !== hyphen) || (same !== 0 && byte !== same)) return false;
  return digitAt(bytes, at + 1, to);
}

function digitAt(bytes: Uint8Array, at: number, to: number): boolean {
  return at < to && isIn(digit, bytes, at);
}

/** Both Luhn sums are kept while reading from the left: which one counts depends on the parity of the final length. */
function addDigit(sums: number[], index: number, value: number): void {
  const doubled = value > 4 ? value * 2 - 9 : value * 2;
  const own = index & 1;
  sums[own] = (sums[own] ?? 0) + doubled;
  sums[own ^ 1] = (sums[own ^ 1] ?? 0) + value;
}

function isCard(prefix: number, length: number, sums: readonly number[]): boolean {
  if (length < shortestCard || (sums[length & 1] ?? 1) % 10 !== 0) return false;
  return schemes.some((s) => prefix >= s.from && prefix <= s.to && s.lengths.includes(length));
}
