import { IhcError } from "../../base/errors.ts";
import { canonicalJson, type Json } from "../../base/json.ts";
import type { AuditEntry, SequencedEntry } from "./entry.ts";
import { plainText } from "./plain.ts";

/** Bytes. An entry bundle of tlog-tiles gives a leaf 16 bits of length; the rest is room for the index. */
export const longestEntry = 65_000;

/** The longest text, in characters, that an entry should quote; see `clippedText`. */
export const longestQuote = 8_000;

/** An entry before it has its place: canonical JSON of {actor, at, detail, kind}. */
export function entryText({ kind, at, actor, detail }: AuditEntry): string {
  return plainText({ kind, at, actor, detail });
}

/** The leaf that the tree hashes: a queued entry with its index in it, so that two leaves cannot change places. */
export function leafText(queued: string, index: number): string {
  const entry: { readonly [key: string]: Json } = JSON.parse(queued);
  return canonicalJson({ ...entry, index });
}

/** Reads a leaf; throws IhcError `corrupt` when it is not one. */
export function parseLeaf(leaf: string): SequencedEntry {
  const value = parsed(leaf);
  const { kind, at, actor, detail, index, ...others } = value;
  const time = typeof at === "string" ? new Date(at) : undefined;
  if (
    typeof kind !== "string" ||
    typeof actor !== "string" ||
    typeof index !== "number" ||
    !time ||
    !isObject(detail)
  )
    throw notALeaf();
  if (Object.keys(others).length > 0 || Number.isNaN(time.getTime()) || canonicalJson(value) !== leaf)
    throw notALeaf();
  return { index, entry: { kind, at: time, actor, detail } };
}

/** A long text cut so that an entry can quote it; the cut is visible. */
export function clippedText(text: string): string {
  const whole = text.toWellFormed();
  if (whole.length <= longestQuote) return whole;
  return `${whole.slice(0, longestQuote).toWellFormed()}… (${whole.length - longestQuote} more characters)`;
}

function parsed(leaf: string): { readonly [key: string]: Json } {
  let value: Json;
  try {
    value = JSON.parse(leaf);
  } catch (cause) {
    throw notALeaf(cause);
  }
  if (!isObject(value)) throw notALeaf();
  return value;
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function notALeaf(cause?: unknown): IhcError {
  return new IhcError("corrupt", "this is not an audit entry", { cause });
}
