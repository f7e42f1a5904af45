import { IhcError } from "../base/errors.ts";

const deepest = 32;
const mostMembers = 1000;

/**
 * Refuses JSON that two parsers could read differently or that costs more than it says: duplicate keys (also when
 * spelled with escapes), nesting deeper than 32, more than 1,000 members or items, lone surrogates, `__proto__`. The
 * text must parse; who calls has bounded its length. Throws IhcError `invalid`.
 */
export function checkStrictJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw new IhcError("invalid", "the body is not JSON", { cause });
  }
  walk(text);
}

interface Level {
  /** Keys seen, for an object; undefined for an array. */
  readonly keys: Set<string> | undefined;
}

/** Runs over text that is known to be JSON, so only structure and strings matter. */
function walk(text: string): void {
  const levels: Level[] = [];
  let members = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text[at];
    if (c === '"') at = string(text, at, levels.at(-1));
    else if (c === "{" || c === "[") open(levels, c);
    else if (c === "}" || c === "]") levels.pop();
    else if (c === ",") members++;
    if (members > mostMembers) throw new IhcError("invalid", "the body has too many members");
  }
}

function open(levels: Level[], bracket: string): void {
  levels.push({ keys: bracket === "{" ? new Set() : undefined });
  if (levels.length > deepest) throw new IhcError("invalid", "the body is nested too deeply");
}

/** Checks the string that starts at `start` and returns where it ends. */
function string(text: string, start: number, level: Level | undefined): number {
  const end = endOfString(text, start);
  const value: unknown = JSON.parse(text.slice(start, end + 1));
  checkString(String(value), isKey(text, end) ? level?.keys : undefined);
  return end;
}

function checkString(value: string, keys: Set<string> | undefined): void {
  if (!value.isWellFormed()) throw new IhcError("invalid", "the body is not well-formed Unicode");
  if (keys === undefined) return;
  if (keys.has(value)) throw new IhcError("invalid", "the body names a key twice");
  if (value === "__proto__") throw new IhcError("invalid", "the body has an unknown key");
  keys.add(value);
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function isKey(text: string, end: number): boolean {
  let at = end + 1;
  while (text[at] === " " || text[at] === "\n" || text[at] === "\r" || text[at] === "\t") at++;
  return text[at] === ":";
}
