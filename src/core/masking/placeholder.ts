import { placeholder } from "./replace.ts";

/**
 * What masks put in the place of a value (replace.ts): `[redacted]`, `[hash:…]`, `a***@***.io`, `************4242`. The part
 * that stays of other values is told by nothing, so it counts only as a whole value.
 */
const inText = new RegExp(
  `${placeholder.replace(/[[\]]/g, "\\$&")}|\\[hash:[a-p]{16}\\]|\\*{3}@\\*{3}\\.|\\*{12}\\d{4}(?!\\d)`,
);
const wholeValue = /^(?:.\*{3}|[\w-]{4}\*{3}|\*{3}-\*{2}-\*{4})$/u;

/** Whether a text holds what only a mask writes: sent back to the target, it would take the place of real data. */
export function holdsPlaceholder(text: string): boolean {
  return inText.test(text);
}

/**
 * As `holdsPlaceholder` for the body of a request in JSON, YAML or protobuf: what escapes and base64 hide is seen. Linear in
 * the length.
 */
export function bodyHoldsPlaceholder(body: Uint8Array): boolean {
  const raw = Buffer.from(body.buffer, body.byteOffset, body.length).toString("utf8");
  const text = raw.includes("\\")
    ? raw.replace(/\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))/g, unescaped)
    : raw;
  if (holdsPlaceholder(text)) return true;
  for (const [, value = ""] of text.matchAll(/"([^"\\\n]{4,20})\\*"/g))
    if (wholeValue.test(value)) return true;
  for (const [run] of text.matchAll(/[A-Za-z0-9+/]{6,}={0,2}/g)) if (hidesPlaceholder(run)) return true;
  return false;
}

function unescaped(_all: string, long: string | undefined, short: string | undefined): string {
  return String.fromCharCode(Number.parseInt(long ?? short ?? "", 16));
}

function hidesPlaceholder(base64: string): boolean {
  if (base64.length % 4 !== 0) return false;
  const text = Buffer.from(base64, "base64").toString("utf8");
  return holdsPlaceholder(text) || wholeValue.test(text);
}
