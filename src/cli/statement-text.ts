import { hasHidden, visibleLines } from "../base/text.ts";

/** What a reviewer is shown of an untrusted text, and what has to be said about it. */
export interface ShownText {
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

/** Blanks that a terminal shows like a space or like nothing, although they are neither to a parser. */
const oddBlanks = /[\u00a0\u115f\u1160\u2800\u3164\uffa0]|(?! )\p{Zs}/gu;
/** More than three marks on one letter can cover the neighbouring lines. */
const stackedMarks = /\p{M}{4,}/gu;
const longBlanks = /[ \t]{40,}/g;
const longGap = /\n(?:[ \t]*\n){3,}/g;

/**
 * Nothing may be approved unseen: what a terminal would hide is written out, and long stretches of blanks, which push text out
 * of sight, are named by their length.
 */
export function shownText(text: string): ShownText {
  const warnings: string[] = [];
  if (hasHidden(text))
    warnings.push("holds control or invisible characters, shown as escapes such as \\u202e");
  let shown = visibleLines(text);
  const replaced = (pattern: RegExp, by: (found: string) => string, warning: string): void => {
    const next = shown.replace(pattern, by);
    if (next !== shown) warnings.push(warning);
    shown = next;
  };
  replaced(oddBlanks, escapes, "holds unusual blanks, shown as escapes such as \\u00a0");
  replaced(stackedMarks, escapes, "holds piled up accents, shown as escapes such as \\u0301");
  replaced(
    longBlanks,
    (found) => `⟨${found.length} blanks⟩`,
    "holds long runs of blanks, shown by their length",
  );
  replaced(
    longGap,
    (found) => `\n⟨${found.split("\n").length - 2} empty lines⟩\n`,
    "holds many empty lines, shown by their number",
  );
  return { lines: shown.split("\n").map((line) => line.replaceAll("\t", "    ")), warnings };
}

function escapes(found: string): string {
  return [...found].map((c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`).join("");
}
