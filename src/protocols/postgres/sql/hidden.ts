import type { ScanToken } from "libpg-query";

/**
 * Format and separator characters, and the Hangul fillers, which are letters without a shape: a reader sees something
 * else than PostgreSQL does.
 */
const misleading = /[\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/u;
/** Control characters besides the white space that PostgreSQL's scanner knows. */
const control = /(?![\t\n\v\f\r])\p{Cc}/u;

/** A string literal's opening: a quote with its prefix, or a dollar quote's tag. */
const opening = /^(?:(?:u&|[ebxn])?'|\$[^$\d][^$]*\$|\$\$)/i;
/** Literals may go on after a line break and a comment, in which anything may stand. */
const continued = /'[^'\r\n]*[\r\n]\s*(?:--[^\r\n]*[\r\n]\s*)*'/;

export function hasControl(sql: string): boolean {
  return control.test(sql);
}

/** Whether any character could be shown as something it is not: cheap, for every text. */
export function mayMislead(sql: string): boolean {
  return misleading.test(sql);
}

/** Whether such a character stands outside the content of a string literal, where only a reader could be meant by it. */
export function misleadsOutsideLiterals(sql: string, tokens: readonly ScanToken[]): boolean {
  const contents = tokens.flatMap(contentOf);
  for (const match of sql.matchAll(new RegExp(misleading, "gu"))) {
    const at = Buffer.byteLength(sql.slice(0, match.index));
    if (!contents.some(({ start, end }) => start <= at && at < end)) return true;
  }
  return false;
}

/** The bytes between a literal's quotes; none for other tokens and for literals in several pieces. */
function contentOf(token: ScanToken): readonly { readonly start: number; readonly end: number }[] {
  const [tag] = opening.exec(token.text) ?? [];
  if (tag === undefined) return [];
  if (!tag.startsWith("$") && continued.test(token.text)) return [];
  const closing = tag.startsWith("$") ? Buffer.byteLength(tag) : 1;
  return [{ start: token.start + Buffer.byteLength(tag), end: token.end - closing }];
}
