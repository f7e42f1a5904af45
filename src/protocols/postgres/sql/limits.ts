import type { Refusal } from "../../../core/session/operation.ts";
import { hasControl } from "./hidden.ts";

/** Longest statement text that is judged, in UTF-16 units. */
const longestText = 1_048_576;
/** Deepest nesting of brackets outside literals that is given to the parser. */
const deepestNesting = 300;

/** What must hold before the parser, which is C inside, sees the text. */
export function outsideLimits(sql: string): Refusal | undefined {
  if (sql.includes("\0"))
    return refusal("unparsable", "the statement holds a NUL character", "remove the NUL character");
  if (!sql.isWellFormed()) return refusal("unparsable", "the statement is not valid Unicode");
  if (hasControl(sql))
    return refusal(
      "hidden-characters",
      "the statement holds control characters",
      "write them as escapes: E'\\x1b'",
    );
  if (sql.length > longestText)
    return refusal("statement-too-long", "the statement is longer than 1 MiB", "send data by parameters");
  if (nesting(sql) > deepestNesting)
    return refusal("statement-too-deep", `the statement nests deeper than ${deepestNesting} brackets`);
  return undefined;
}

/** Counts over literals and comments too: a text can only seem deeper than it is by what it opens and never closes. */
function nesting(sql: string): number {
  let [depth, deepest] = [0, 0];
  for (let i = 0; i < sql.length; i++) {
    const c = sql.charCodeAt(i);
    if (c === 0x28 || c === 0x5b) {
      depth++;
      if (depth > deepest) deepest = depth;
    } else if ((c === 0x29 || c === 0x5d) && depth > 0) depth--;
  }
  return deepest;
}

function refusal(rule: string, reason: string, hint?: string): Refusal {
  return hint === undefined ? { rule, reason } : { rule, reason, hint };
}
