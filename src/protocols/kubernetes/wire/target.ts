/**
 * The request target of RFC 9112, section 3.2.1, in origin form: `/segment/segment?key=value&key=value`. Read as Go's net/url
 * does, which is what the API server uses, and refused wherever Go and others differ. Not by `new URL()`: it resolves `..`
 * and makes `\` a slash, the API server does neither.
 */
import { visible } from "../../../base/text.ts";
import { BadRequest } from "./bad-request.ts";

export type Pair = readonly [key: string, value: string];

export interface RequestTarget {
  /** Decoded, none empty. */
  readonly segments: readonly string[];
  /** Whether the path ends with a slash. */
  readonly trailing: boolean;
  /** Decoded, in order. */
  readonly pairs: readonly Pair[];
}

/** Longer targets are refused: a command of an exec travels in the query, so this is generous. */
const longest = 128 * 1024;

/** Splits and decodes a raw request target. Throws BadRequest. */
export function splitTarget(raw: string): RequestTarget {
  if (raw.length > longest) throw bad("target-too-long", "the request target is too long", "send less");
  if (!raw.startsWith("/") || raw.startsWith("//"))
    throw bad(
      "target-form",
      "the request target is not a path",
      "send the path only, beginning with one slash",
    );
  if (!/^[!-~]*$/.test(raw) || /[\\#]/.test(raw))
    throw bad(
      "target-characters",
      "the request target holds characters that must be percent-encoded",
      "encode spaces, control characters, backslashes, # and everything beyond ASCII",
    );
  const mark = raw.indexOf("?");
  const path = mark < 0 ? raw : raw.slice(0, mark);
  const query = mark < 0 ? "" : raw.slice(mark + 1);
  const trailing = path.length > 1 && path.endsWith("/");
  const parts = path === "/" ? [] : path.slice(1, trailing ? -1 : undefined).split("/");
  return { segments: parts.map(segment), trailing, pairs: splitQuery(query) };
}

/** The path that says the same in one way only. */
export function joinPath(segments: readonly string[]): string {
  return `/${segments.map(encodeSegment).join("/")}`;
}

/** The query that says the same in one way only; empty for no pairs. */
export function joinQuery(pairs: readonly Pair[]): string {
  return pairs.map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`).join("&");
}

function segment(raw: string): string {
  if (raw === "") throw bad("empty-segment", "the path holds an empty segment", "write each slash once");
  const text = decoded(raw);
  if (text === "." || text === "..")
    throw bad("dot-segment", "the path holds a dot segment", "write the path without . and ..");
  if (/[/\\]/.test(text))
    throw bad("encoded-slash", "the path holds an encoded slash", "a name cannot hold a slash or backslash");
  if (text.includes("%"))
    throw bad("encoded-percent", "the path is encoded twice", "a name cannot hold a percent sign");
  if (visible(text) !== text)
    throw bad("control-character", "the path holds control or invisible characters", "leave them out");
  return text;
}

function splitQuery(raw: string): readonly Pair[] {
  if (raw.includes(";"))
    throw bad("raw-semicolon", "the query holds a raw ;", "separate parameters by &, or encode it as %3B");
  return raw
    .split("&")
    .filter((part) => part !== "")
    .map(pair);
}

function pair(raw: string): Pair {
  const mark = raw.indexOf("=");
  const [key, value] = mark < 0 ? [raw, ""] : [raw.slice(0, mark), raw.slice(mark + 1)];
  if (key === "") throw bad("empty-parameter", "the query holds a parameter without a name", "leave it out");
  return [decoded(key.replaceAll("+", " ")), decoded(value.replaceAll("+", " "))];
}

/** Throws where the encoding is broken, is no UTF-8, or hides a NUL. */
function decoded(raw: string): string {
  let text: string;
  try {
    text = decodeURIComponent(raw);
  } catch {
    throw bad("bad-encoding", "the request target is not percent-encoded UTF-8", "encode it anew");
  }
  if (text.includes("\0")) throw bad("control-character", "the request target holds a NUL", "leave it out");
  return text;
}

/** A colon stands in names of cluster roles (`system:node`), and Go leaves it and `@` as they are. */
function encodeSegment(text: string): string {
  return encodeURIComponent(text).replace(/%3A|%40/g, decodeURIComponent);
}

const bad = (rule: string, reason: string, hint: string): BadRequest => new BadRequest(rule, reason, hint);
