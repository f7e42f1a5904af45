import { type ByteSet, byteSet, runEnd, standsAt } from "./bytes.ts";
import type { DetectorName } from "./rule.ts";

/** A secret that is told by how it begins. */
export interface TokenKind {
  readonly name: DetectorName;
  readonly prefix: Uint8Array;
  /** Index in the prefix of a character that is rare in prose and numbers, by which a scan notices it. */
  readonly anchor: number;
  /** Where the secret that begins at `start` ends; -1 when there is none. Linear in what it consumes. */
  end(bytes: Uint8Array, start: number, to: number, memo: Memo): number;
}

/** What one scan has learnt, so that no run of characters is read again for each beginning it holds. */
export interface Memo {
  /** The run of characters that was read as a JWT's header ends here, */
  headerEnd: number;
  /** and the token that goes on behind it there; -1 when none does. */
  tokenEnd: number;
}

const word = byteSet("-a-zA-Z0-9_");
const upper = byteSet("A-Z0-9");
const base64 = byteSet("a-zA-Z0-9/+=");
const wordOrDot = byteSet("-a-zA-Z0-9_.");
const label = byteSet("A-Z0-9 ");
const assign = byteSet(" \t\"'\\:=>");
const dot = 0x2e;
const longestPart = 8192;
const longestKey = 4096;

const apiKeys: readonly (readonly [prefix: string, least: number, body: ByteSet])[] = [
  ...["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"].map((p) => [p, 8, word] as const),
  ...["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "npm_"].map(
    (p) => [p, 16, word] as const,
  ),
  ...["xoxa-", "xoxb-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"].map(
    (p) => [p, 8, word] as const,
  ),
  ["AIza", 30, word],
  ["sk-ant-", 16, word],
  ["sk-proj-", 16, word],
  ["hvs.", 20, word],
  ["dop_v1_", 20, word],
  ["SG.", 40, wordOrDot],
];
const awsIds = ["AKIA", "ASIA", "ABIA", "ACCA"];
/** Ends of `aws_secret_access_key`, `AWS_SECRET_ACCESS_KEY`, `SecretAccessKey`. */
const awsSecrets = ["_access_key", "_ACCESS_KEY", "tAccessKey"];
/** Rarest first. */
const rare = "_KJGBIxCSv-.";

export const tokenKinds: readonly TokenKind[] = [
  ...apiKeys.map(([prefix, least, body]) =>
    prefixed("api-key", prefix, (bytes, at, to) => {
      const end = runEnd(body, bytes, at, Math.min(to, at + longestKey));
      return end - at >= least ? end : -1;
    }),
  ),
  ...awsIds.map((prefix) =>
    prefixed("aws-key", prefix, (bytes, at, to) => exactly(upper, 16, bytes, at, to)),
  ),
  ...awsSecrets.map((prefix) =>
    prefixed("aws-key", prefix, (bytes, at, to) => {
      const from = runEnd(assign, bytes, at, Math.min(to, at + 8));
      return from === at ? -1 : exactly(base64, 40, bytes, from, to);
    }),
  ),
  { name: "jwt", prefix: Buffer.from("eyJ"), anchor: 2, end: jwtEnd },
  { name: "private-key", prefix: Buffer.from("-----BEGIN "), anchor: 5, end: privateKeyEnd },
];

function prefixed(
  name: DetectorName,
  prefix: string,
  bodyEnd: (bytes: Uint8Array, at: number, to: number) => number,
): TokenKind {
  const literal = Buffer.from(prefix);
  const found = [...rare].find((c) => prefix.includes(c));
  const anchor = found === undefined ? 0 : prefix.indexOf(found);
  return {
    name,
    prefix: literal,
    anchor,
    end: (bytes, start, to) => bodyEnd(bytes, start + literal.length, to),
  };
}

function exactly(set: ByteSet, length: number, bytes: Uint8Array, at: number, to: number): number {
  return runEnd(set, bytes, at, Math.min(to, at + length)) === at + length ? at + length : -1;
}

/** Three to five base64url parts (RFC 7515, RFC 7516); the last may be empty, as it is for `alg: none`. */
function jwtEnd(bytes: Uint8Array, start: number, to: number, memo: Memo): number {
  if (start >= memo.headerEnd) {
    memo.headerEnd = runEnd(word, bytes, start, to);
    memo.tokenEnd = behindHeader(bytes, memo.headerEnd, to);
  }
  const length = memo.headerEnd - start;
  return length < 10 || length > longestPart ? -1 : memo.tokenEnd;
}

function behindHeader(bytes: Uint8Array, header: number, to: number): number {
  if (header >= to || bytes[header] !== dot) return -1;
  let end = runEnd(word, bytes, header + 1, Math.min(to, header + longestPart));
  if (end - header < 3 || end >= to || bytes[end] !== dot) return -1;
  for (let part = 0; part < 3 && end < to && bytes[end] === dot; part++)
    end = runEnd(word, bytes, end + 1, Math.min(to, end + 1024));
  return end;
}

const dashes = Buffer.from("-----");
const endMark = Buffer.from("-----END ");
const privateKey = Buffer.from("PRIVATE KEY");

/** From `-----BEGIN … PRIVATE KEY…` to the end of its END line; without one to the end of the text, to be safe. */
function privateKeyEnd(bytes: Uint8Array, start: number, to: number): number {
  const begins = start + 11;
  const stop = runEnd(label, bytes, begins, Math.min(to, begins + 64));
  if (!standsAt(dashes, bytes, stop, to) || !holds(privateKey, bytes, begins, stop)) return -1;
  return privateKeyTail(bytes, stop, to) ?? to;
}

/** The end of the END line that comes first from `from` on. */
export function privateKeyTail(bytes: Uint8Array, from: number, to: number): number | undefined {
  for (let at = from; at < to; at++) {
    if (bytes[at] !== dashes[0] || !standsAt(endMark, bytes, at, to)) continue;
    const stop = runEnd(label, bytes, at + endMark.length, Math.min(to, at + 73));
    if (standsAt(dashes, bytes, stop, to)) return stop + dashes.length;
  }
  return undefined;
}

function holds(literal: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at + literal.length <= to; at++) if (standsAt(literal, bytes, at, to)) return true;
  return false;
}
