import { byteSet, isIn } from "./bytes.ts";

/**
 * Non-ASCII letters count on both sides (RFC 6531). Quotes and the signs that delimit addresses in URLs, SQL and JSON are
 * legal in a local part but left out: of such an address the part after the sign is masked.
 */
const local = byteSet("-a-zA-Z0-9._%+~", true);
const domain = byteSet("-a-zA-Z0-9._", true);
const letter = byteSet("a-zA-Z", true);
const limit = 320;
const dot = 0x2e;
const hyphen = 0x2d;

/** Where the local part before `at` begins; `at` when there is none. */
export function localStart(bytes: Uint8Array, at: number, from: number): number {
  let start = at;
  const floor = Math.max(from, at - limit);
  while (start > floor && isIn(local, bytes, start - 1)) start--;
  // The limit may fall into a character.
  while (start < at && ((bytes[start] ?? 0) & 0xc0) === 0x80 && start === floor) start++;
  return start;
}

/** Whether an address may stand around the sign at `at`, as far as the byte before it tells. */
export function mayFollowLocal(bytes: Uint8Array, at: number): boolean {
  return isIn(local, bytes, at - 1);
}

/** The end of the domain that begins at `at`; -1 unless a dot is followed by a label that could be a top-level domain. */
export function domainEnd(bytes: Uint8Array, at: number, to: number): number {
  const ceiling = Math.min(to, at + limit);
  let end = at;
  while (end < ceiling && isIn(domain, bytes, end) && !dashes(bytes, end)) end++;
  while (end > at && (bytes[end - 1] === dot || bytes[end - 1] === hyphen)) end--;
  for (let i = at + 1; i + 2 < end; i++)
    if (bytes[i] === dot && isIn(letter, bytes, i + 1) && isIn(letter, bytes, i + 2)) return end;
  return -1;
}

/** Three hyphens begin a line such as `-----BEGIN`, no domain has them. */
function dashes(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === hyphen && bytes[at + 1] === hyphen && bytes[at + 2] === hyphen;
}
