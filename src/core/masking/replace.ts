import { keyedHash } from "./keyed-hash.ts";
import type { DetectorName, How } from "./rule.ts";

export const placeholder = "[redacted]";

/** Makes replacements of values. Each begins and ends so that no detector matches it, alone or with its neighbours. */
export interface Replacer {
  /** A whole value; `null` has no text, the protocol writes its own NULL. */
  value(how: How, value: string): string;
  /** A part of a text that a detector found. */
  found(how: How, name: DetectorName, value: string): string;
}

export function createReplacer(key: Uint8Array): Replacer {
  const hashed = keyedHash(key);
  return {
    value: (how, value) => {
      if (how === "null") return "";
      if (how === "redact") return placeholder;
      return how === "hash" ? hashed(value) : partial(value);
    },
    found: (how, name, value) => {
      if (how === "hash") return hashed(value);
      return how === "partial" ? partialOf(name, value) : placeholder;
    },
  };
}

function partialOf(name: DetectorName, value: string): string {
  if (name === "email") return partialEmail(value.replace("%40", "@"));
  // Without brackets the four digits could be read as the first of a number that follows.
  if (name === "card") return `[${partialCard(value)}]`;
  if (name === "ssn") return value.replace(/\d/g, "*");
  return name === "private-key" ? placeholder : `${value.slice(0, 4)}***`;
}

/** What a column's value keeps: of an address and a number their form, of other text its first character. */
function partial(value: string): string {
  if (value.length > 512) return placeholder;
  if (value.includes("@")) return partialEmail(value);
  if (!isNumeric(value)) return isPlace(value.charCodeAt(0)) ? "***" : `${first(value)}***`;
  if (digitsOf(value) >= 13 || /^\*{12}\d{4}$/.test(value)) return partialCard(value);
  return partialNumber(value);
}

function partialEmail(value: string): string {
  const at = value.lastIndexOf("@");
  const local = value.slice(0, at);
  const shown = at <= 1 || local.startsWith("*") ? "" : first(local);
  const dot = value.lastIndexOf(".");
  const suffix = value.slice(dot + 1);
  const kept = dot > at && isSuffix(suffix) ? suffix : "***";
  return `${shown}***@***.${kept}`;
}

function partialCard(value: string): string {
  return `${"*".repeat(12)}${value.replace(/\D/g, "").slice(-4)}`;
}

/** Stars in place of digits; of ten or more, as telephone numbers have, the last two stay. */
function partialNumber(value: string): string {
  let places = 0;
  for (let i = 0; i < value.length; i++) if (isPlace(value.charCodeAt(i))) places++;
  let left = places;
  let text = "";
  for (let i = 0; i < value.length; i++) {
    const kept = !isPlace(value.charCodeAt(i)) || (places >= 10 && left-- <= 2);
    text += kept ? value.charAt(i) : "*";
  }
  return text;
}

// Each masked value passes here, so these are loops where regular expressions would do.

/** Digits, stars and what stands between them, with a plus in front perhaps: `[\d*][\d* ().-]*` or `\+[\d* ().-]+`. */
function isNumeric(value: string): boolean {
  const plus = value.charCodeAt(0) === 0x2b;
  if (value.length < (plus ? 2 : 1) || !(plus || isPlace(value.charCodeAt(0)))) return false;
  for (let i = 1; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (!(isPlace(code) || code === 0x20 || code === 0x28 || code === 0x29 || code === 0x2d || code === 0x2e))
      return false;
  }
  return true;
}

/** A digit or the star of one that was masked before. */
function isPlace(code: number): boolean {
  return isDigit(code) || code === 0x2a;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function digitsOf(value: string): number {
  let digits = 0;
  for (let i = 0; i < value.length; i++) if (isDigit(value.charCodeAt(i))) digits++;
  return digits;
}

/** Two to twelve small letters of any script. */
function isSuffix(text: string): boolean {
  if (text.length < 2 || text.length > 24) return false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return /^[\p{Ll}\p{Lo}]{2,12}$/u.test(text);
    if (code < 0x61 || code > 0x7a) return false;
  }
  return text.length <= 12;
}

function first(text: string): string {
  const point = text.codePointAt(0);
  return point === undefined ? "" : String.fromCodePoint(point);
}
