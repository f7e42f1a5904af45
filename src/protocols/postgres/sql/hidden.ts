import type { ScanToken } from "libpg-query";

/**
 * Control, format and separator characters besides the white space that PostgreSQL's scanner knows, and the Hangul fillers,
 * which are letters without a shape.
 */
const unsafe = /(?![\t\n\v\f\r])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;

const literals: ReadonlySet<string> = new Set(["SCONST", "USCONST", "BCONST", "XCONST"]);

/** Whether any character could be shown as something it is not: cheap, for every text. */
export function mayHide(sql: string): boolean {
  unsafe.lastIndex = 0;
  return unsafe.test(sql);
}

/** Whether such a character stands outside a string literal, where it can only mislead a reader. */
export function hidesOutsideLiterals(sql: string, tokens: readonly ScanToken[]): boolean {
  const inside = tokens.filter((token) => literals.has(token.tokenName));
  for (const match of sql.matchAll(unsafe)) {
    const at = Buffer.byteLength(sql.slice(0, match.index));
    if (!inside.some((token) => token.start < at && at < token.end)) return true;
  }
  return false;
}
