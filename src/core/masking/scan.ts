import { standsAt } from "./bytes.ts";
import { cardEnd, holdsSsn, pastDigits, shortestCard, ssnEnd } from "./digits.ts";
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
  /** Where the first suspect stands: the first digit of a number, a sign or a prefix inside of the match. `to` without one. */
  suspectAt(bytes: Uint8Array, from: number, to: number): number;
}

/** What a byte may begin. */
const nothing = 0;
const atSign = 1;
const percent = 2;
const number = 3;
const token = 4;

const space = 0x20;
const hyphen = 0x2d;

export function createScanner(names: ReadonlySet<DetectorName>): Scanner {
  const kinds = tokenKinds.filter((kind) => names.has(kind.name));
  const byAnchor: (readonly TokenKind[])[] = [];
  /** Which two bytes stand at an anchor: with the byte before it, or behind it where the anchor is the first. */
  const before = new Uint8Array(0x10000);
  const behind = new Uint8Array(0x10000);
  const classes = new Uint8Array(256);
  for (const kind of kinds) {
    const noticed = kind.prefix[kind.anchor] ?? 0;
    classes[noticed] = token;
    if (kind.anchor > 0) before[((kind.prefix[kind.anchor - 1] ?? 0) << 8) | noticed] = 1;
    else behind[(noticed << 8) | (kind.prefix[1] ?? 0)] = 1;
    byAnchor[noticed] = [...(byAnchor[noticed] ?? []), kind];
  }
  const email = names.has("email");
  if (email) classes[0x40] = atSign;
  if (email) classes[0x25] = percent;
  const card = names.has("card");
  const ssn = names.has("ssn");
  if (card || ssn) classes.fill(number, 0x30, 0x3a);
  const enough = ssn ? 9 : shortestCard;

  const memo: Memo = { headerEnd: -1, tokenEnd: -1 };

  const tokenAt = (bytes: Uint8Array, at: number, from: number, to: number): Match | undefined => {
    for (const kind of byAnchor[bytes[at] ?? 0] ?? []) {
      const start = at - kind.anchor;
      if (start < from || !standsAt(kind.prefix, bytes, start, to)) continue;
      const end = kind.end(bytes, start, to, memo);
      if (end > at) return { start, end, name: kind.name };
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
  /** Behind the last match, and behind the last key, whose dashes are no local part of an address. */
  let edge = 0;
  let floor = 0;
  const matchAt = (bytes: Uint8Array, at: number, to: number): Match | undefined => {
    const kind = classes[bytes[at] ?? 0];
    if (kind === number) return numberAt(bytes, at, to);
    if (kind === token) return tokenAt(bytes, at, edge, to);
    return emailAt(bytes, at, floor, to);
  };
  const step = (found: Match[], bytes: Uint8Array, at: number, to: number): number => {
    const match = matchAt(bytes, at, to);
    if (!match) return next(classes, bytes, at, to);
    edge = add(found, match);
    if (match.name === "private-key") floor = edge;
    return edge;
  };
  /** Whether the bytes around an anchor are those of none: most letters that are anchors stand in other words. */
  const harmless = (bytes: Uint8Array, at: number): boolean => {
    const byte = bytes[at] ?? 0;
    return (
      before[((bytes[at - 1] ?? 0) << 8) | byte] === 0 && behind[(byte << 8) | (bytes[at + 1] ?? 0)] === 0
    );
  };
  /** Where to go on looking, or -1 for a suspect. */
  const pastOther = (bytes: Uint8Array, at: number, to: number): number => {
    const kinds = byAnchor[bytes[at] ?? 0];
    if (kinds === undefined) {
      const sign = bytes[at] === 0x40 || encodedAt(bytes, at, to);
      return sign && mayFollowLocal(bytes, at) ? -1 : at + 1;
    }
    for (const { prefix, anchor } of kinds)
      if (at >= anchor && standsAt(prefix, bytes, at - anchor, to)) return -1;
    return at + 1;
  };

  /** Most numbers are short and stand alone: behind such a one, else as `pastDigits`. */
  const pastNumber = (bytes: Uint8Array, at: number, to: number): number => {
    const end = next(classes, bytes, at, to);
    const alone = end - at < enough && bytes[end] !== space && bytes[end] !== hyphen;
    if (alone) return end;
    const past = pastDigits(bytes, at, to, shortestCard);
    return ssn && past >= 0 && holdsSsn(bytes, at, past, to) ? -1 : past;
  };
  /** Behind all that can begin nothing. Four bytes a turn: most stand among others of their kind. */
  const pastPlain = (bytes: Uint8Array, from: number, to: number): number => {
    let at = from;
    while (
      at + 3 < to &&
      ((classes[bytes[at] ?? 0] ?? 0) |
        (classes[bytes[at + 1] ?? 0] ?? 0) |
        (classes[bytes[at + 2] ?? 0] ?? 0) |
        (classes[bytes[at + 3] ?? 0] ?? 0)) ===
        nothing
    )
      at += 4;
    while (at < to && classes[bytes[at] ?? 0] === nothing) at++;
    return at;
  };
  const pastAny = (bytes: Uint8Array, at: number, to: number): number => {
    const kind = classes[bytes[at] ?? 0];
    if (kind === number) return pastNumber(bytes, at, to);
    return kind === token && harmless(bytes, at) ? at + 1 : pastOther(bytes, at, to);
  };
  const suspectAt = (bytes: Uint8Array, from: number, to: number): number => {
    for (let at = pastPlain(bytes, from, to); at < to; ) {
      const past = pastAny(bytes, at, to);
      if (past < 0) return at;
      at = pastPlain(bytes, past, to);
    }
    return to;
  };

  return {
    find: (bytes, from, to) => {
      const found: Match[] = [];
      memo.headerEnd = -1;
      edge = floor = from;
      let at = pastPlain(bytes, from, to);
      while (at < to) at = pastPlain(bytes, step(found, bytes, at, to), to);
      return found;
    },
    suspects: (bytes, from, to) => suspectAt(bytes, from, to) < to,
    suspectAt,
  };
}

/** A number is tried at its first digit only, so the rest of its digits is skipped. */
function next(classes: Uint8Array, bytes: Uint8Array, at: number, to: number): number {
  let end = at + 1;
  if (classes[bytes[at] ?? 0] === number) while (end < to && classes[bytes[end] ?? 0] === number) end++;
  return end;
}

/** An address may begin inside what was found before (`ghp_…@github.com`); then both are one. */
function add(found: Match[], match: Match): number {
  let start = match.start;
  for (let last = found.at(-1); last && last.end > start; last = found.at(-1)) {
    start = Math.min(start, last.start);
    found.pop();
  }
  found.push(start === match.start ? match : { ...match, start });
  return match.end;
}

/** `%40`, how an address is written inside a URL. */
function encodedAt(bytes: Uint8Array, at: number, to: number): boolean {
  return at + 2 < to && bytes[at] === 0x25 && bytes[at + 1] === 0x34 && bytes[at + 2] === 0x30;
}
