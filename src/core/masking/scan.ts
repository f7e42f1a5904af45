import { standsAt } from "./bytes.ts";
import { cardEnd, pastDigits, shortestCard, ssnEnd } from "./digits.ts";
import { domainEnd, localStart, mayFollowLocal } from "./email.ts";
import type { DetectorName } from "./rule.ts";
import { type Memo, type TokenKind, tokenKinds } from "./tokens.ts";

export interface Match {
  readonly start: number;
  readonly end: number;
  readonly name: DetectorName;
}

/** Finds what the enabled detectors look for, in one pass whose work is bounded by a constant a byte. */
export interface Scanner {
  /** Matches in order, without overlap. */
  find(bytes: Uint8Array, from: number, to: number): readonly Match[];
  /**
   * False when no part of the range can hold a match, whatever its neighbours: safe on frames, where a value stands
   * between headers.
   */
  suspects(bytes: Uint8Array, from: number, to: number): boolean;
}

/** What a byte may begin. */
const nothing = 0;
const atSign = 1;
const percent = 2;
const number = 3;
const token = 4;

export function createScanner(names: ReadonlySet<DetectorName>): Scanner {
  const kinds = tokenKinds.filter((kind) => names.has(kind.name));
  const byFirst: (readonly TokenKind[])[] = [];
  const classes = new Uint8Array(256);
  for (const kind of kinds) {
    const first = kind.prefix[0] ?? 0;
    classes[first] = token;
    byFirst[first] = [...(byFirst[first] ?? []), kind];
  }
  const email = names.has("email");
  if (email) classes[0x40] = atSign;
  if (email) classes[0x25] = percent;
  const card = names.has("card");
  const ssn = names.has("ssn");
  if (card || ssn) classes.fill(number, 0x30, 0x3a);
  const enough = ssn ? 9 : shortestCard;

  const memo: Memo = { headerEnd: -1, tokenEnd: -1 };

  const tokenAt = (bytes: Uint8Array, at: number, to: number): Match | undefined => {
    for (const kind of byFirst[bytes[at] ?? 0] ?? []) {
      if (!standsAt(kind.prefix, bytes, at, to)) continue;
      const end = kind.end(bytes, at, to, memo);
      if (end > at) return { start: at, end, name: kind.name };
    }
    return undefined;
  };
  const numberAt = (bytes: Uint8Array, at: number, to: number): Match | undefined => {
    const cardStop = card ? cardEnd(bytes, at, to) : -1;
    if (cardStop > 0) return { start: at, end: cardStop, name: "card" };
    const ssnStop = ssn ? ssnEnd(bytes, at, to) : -1;
    return ssnStop > 0 ? { start: at, end: ssnStop, name: "ssn" } : undefined;
  };
  const emailAt = (bytes: Uint8Array, at: number, from: number, to: number): Match | undefined => {
    const width = bytes[at] === 0x40 ? 1 : encodedAt(bytes, at, to) ? 3 : 0;
    if (width === 0) return undefined;
    const end = domainEnd(bytes, at + width, to);
    const start = end > 0 ? localStart(bytes, at, from) : at;
    return start < at ? { start, end, name: "email" } : undefined;
  };
  const matchAt = (bytes: Uint8Array, at: number, from: number, to: number): Match | undefined => {
    const kind = classes[bytes[at] ?? 0];
    if (kind === number) return numberAt(bytes, at, to);
    if (kind === token) return tokenAt(bytes, at, to);
    return emailAt(bytes, at, from, to);
  };

  /** Where to go on looking, or -1 for a suspect. */
  const pastOther = (bytes: Uint8Array, at: number, to: number): number => {
    const kinds = byFirst[bytes[at] ?? 0];
    const suspect = kinds
      ? kinds.some((one) => standsAt(one.prefix, bytes, at, to))
      : (bytes[at] === 0x40 || encodedAt(bytes, at, to)) && mayFollowLocal(bytes, at);
    return suspect ? -1 : at + 1;
  };

  return {
    find: (bytes, from, to) => {
      const found: Match[] = [];
      memo.headerEnd = -1;
      let at = from;
      let floor = from;
      while (at < to) {
        if (classes[bytes[at] ?? 0] === nothing) {
          at++;
          continue;
        }
        const match = matchAt(bytes, at, floor, to);
        if (match) add(found, match);
        // The dashes that end a key are no local part.
        if (match?.name === "private-key") floor = match.end;
        at = match ? match.end : next(classes, bytes, at, to);
      }
      return found;
    },
    suspects: (bytes, from, to) => {
      let at = from;
      while (at < to) {
        const kind = classes[bytes[at] ?? 0];
        if (kind === nothing) at++;
        else {
          at = kind === number ? pastDigits(bytes, at, to, enough) : pastOther(bytes, at, to);
          if (at < 0) return true;
        }
      }
      return false;
    },
  };
}

/** A number is tried at its first digit only, so the rest of its digits is skipped. */
function next(classes: Uint8Array, bytes: Uint8Array, at: number, to: number): number {
  let end = at + 1;
  if (classes[bytes[at] ?? 0] === number) while (end < to && classes[bytes[end] ?? 0] === number) end++;
  return end;
}

/** An address may begin inside what was found before (`ghp_…@github.com`); then both are one. */
function add(found: Match[], match: Match): void {
  let start = match.start;
  for (let last = found.at(-1); last && last.end > start; last = found.at(-1)) {
    start = Math.min(start, last.start);
    found.pop();
  }
  found.push(start === match.start ? match : { ...match, start });
}

/** `%40`, how an address is written inside a URL. */
function encodedAt(bytes: Uint8Array, at: number, to: number): boolean {
  return at + 2 < to && bytes[at] === 0x25 && bytes[at + 1] === 0x34 && bytes[at + 2] === 0x30;
}
