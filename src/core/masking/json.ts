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

/** Strings and numbers as RFC 8259 writes them; what lies between two tokens holds no value. */
const token = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs;

function maskTokens(source: string, text: (input: string) => Masked<string>): string {
  return source.replace(token, (one) => {
    if (!one.startsWith('"')) return text(one) === one ? one : "0";
    const value = stringOf(one);
    if (value === undefined) return text(one);
    const masked = text(value);
    return masked === value ? one : JSON.stringify(masked);
  });
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
