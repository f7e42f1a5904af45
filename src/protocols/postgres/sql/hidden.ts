import type { ScanToken } from "libpg-query";

/**
 * Format and separator characters, and the Hangul fillers, which are letters without a shape: a reader sees something
 * else than PostgreSQL does.
 */
const misleading = /[\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/u;
/** Control characters besides the white space that PostgreSQL's scanner knows. */
const control = /(?![\t\n\v\f\r])\p{Cc}/u;

const literals: ReadonlySet<string> = new Set(["SCONST", "USCONST", "BCONST", "XCONST"]);

export function hasControl(sql: string): boolean {
  return control.test(sql);
}

/** Whether any character could be shown as something it is not: cheap, for every text. */
export function mayMislead(sql: string): boolean {
  return misleading.test(sql);
}

/** Whether such a character stands outside the content of a string literal, where only a reader could be meant by it. */
export function misleadsOutsideLiterals(sql: string, tokens: readonly ScanToken[]): boolean {
  const contents = tokens.filter((token) => literals.has(token.tokenName)).map(contentOf);
  for (const match of sql.matchAll(new RegExp(misleading, "gu"))) {
    const at = Buffer.byteLength(sql.slice(0, match.index));
    if (!contents.some(({ start, end }) => start <= at && at < end)) return true;
  }
  return false;
}

/** The bytes between the quotes; the tag of a dollar quote is none of them. */
function contentOf(token: ScanToken): { readonly start: number; readonly end: number } {
  const tag = Buffer.byteLength(/^\$[^$]*\$/.exec(token.text)?.[0] ?? "'");
  return { start: token.start + tag, end: token.end - tag };
}
