import type { Masked } from "./rule.ts";

const backslash = 0x5c;

/**
 * Masks a JSON text leaf by leaf: every string, names included, stays a string, a number that is sensitive becomes 0,
 * everything else keeps its bytes. A plain scan would miss what escapes hide (`ana\u0040leak.example`) and would put a
 * word where a number stood. Returns the same buffer when nothing was found; text that is no JSON is scanned as it is.
 */
export function maskJson(
  input: Uint8Array,
  bytes: (input: Uint8Array) => Masked<Uint8Array>,
  text: (input: string) => Masked<string>,
): Masked<Uint8Array> {
  const plain = bytes(input);
  if (plain === input && !input.includes(backslash)) return plain;
  const source = Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString("utf8");
  const masked = maskTokens(source, text);
  if (masked === source) return plain;
  return Buffer.from(masked) as Uint8Array as Masked<Uint8Array>;
}

/**
 * Replaces strings and numbers (RFC 8259); what lies between two tokens holds no value. Written by hand because a
 * pattern would search the rest of the text again at each quote that nothing closes.
 */
function maskTokens(source: string, text: (input: string) => Masked<string>): string {
  let out = "";
  let kept = 0;
  for (let at = 0; at < source.length; at++) {
    const end = source[at] === '"' ? stringEnd(source, at) : numberEnd(source, at);
    if (end === at) continue;
    const one = source.slice(at, end);
    const masked = one.startsWith('"') ? maskString(one, text) : text(one) === one ? one : "0";
    if (masked !== one) {
      out += source.slice(kept, at) + masked;
      kept = end;
    }
    at = end - 1;
  }
  return out + source.slice(kept);
}

/** Behind the closing quote, or the end of the text. */
function stringEnd(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length && source[at] !== '"') at += source[at] === "\\" ? 2 : 1;
  return Math.min(at + 1, source.length);
}

function numberEnd(source: string, start: number): number {
  if (!/^-?\d/.test(source.slice(start, start + 2))) return start;
  let at = start + 1;
  while (at < source.length && /[\d.eE+-]/.test(source[at] ?? "")) at++;
  return at;
}

function maskString(token: string, text: (input: string) => Masked<string>): string {
  const value = stringOf(token);
  if (value === undefined) return text(token);
  const masked = text(value);
  return masked === value ? token : JSON.stringify(masked);
}

function stringOf(token: string): string | undefined {
  try {
    const value: unknown = JSON.parse(token);
    return typeof value === "string" ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
