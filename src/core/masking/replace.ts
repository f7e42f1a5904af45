import { createHmac } from "node:crypto";
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
  return {
    value: (how, value) => {
      if (how === "null") return "";
      if (how === "redact") return placeholder;
      return how === "hash" ? keyedHash(key, value) : partial(value);
    },
    found: (how, name, value) => {
      if (how === "hash") return keyedHash(key, value);
      return how === "partial" ? partialOf(name, value) : placeholder;
    },
  };
}

/** `[hash:` and sixteen letters for 64 bits of HMAC-SHA-256: equal values stay recognisable, digits could look like a card. */
function keyedHash(key: Uint8Array, value: string): string {
  const digest = createHmac("sha256", key).update(value).digest("hex").slice(0, 16);
  return `[hash:${[...digest].map((c) => "abcdefghijklmnop"[Number.parseInt(c, 16)]).join("")}]`;
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
  const numeric = /^[\d*][\d* ().-]*$|^\+[\d* ().-]+$/.test(value);
  if (!numeric) return /^[*\d]/.test(value) ? "***" : `${first(value)}***`;
  const digits = value.replace(/\D/g, "").length;
  if (digits >= 13 || /^\*{12}\d{4}$/.test(value)) return partialCard(value);
  return partialNumber(value);
}

function partialEmail(value: string): string {
  const at = value.lastIndexOf("@");
  const local = value.slice(0, at);
  const shown = at <= 1 || local.startsWith("*") ? "" : first(local);
  const suffix = value.slice(value.lastIndexOf(".") + 1);
  const kept = value.lastIndexOf(".") > at && /^[\p{Ll}\p{Lo}]{2,12}$/u.test(suffix) ? suffix : "***";
  return `${shown}***@***.${kept}`;
}

function partialCard(value: string): string {
  return `${"*".repeat(12)}${value.replace(/\D/g, "").slice(-4)}`;
}

/** Stars in place of digits; of ten or more, as telephone numbers have, the last two stay. */
function partialNumber(value: string): string {
  const places = value.replace(/[^\d*]/g, "").length;
  let left = places;
  return value.replace(/[\d*]/g, (c) => (places >= 10 && left-- <= 2 ? c : "*"));
}

function first(text: string): string {
  const point = text.codePointAt(0);
  return point === undefined ? "" : String.fromCodePoint(point);
}
