/**
 * A statement without its values: strings, numbers and comments are replaced, names and `$1` stay. For statements that may hold
 * values of masked columns. What does not end (the text need not be valid) goes to its end.
 */
export function withoutLiterals(sql: string): string {
  let kept = "";
  let at = 0;
  while (at < sql.length) {
    const token = next(sql, at);
    kept += token.shown;
    at = token.end;
  }
  return kept;
}

interface Token {
  readonly shown: string;
  readonly end: number;
}

const hidden = "[masked]";
/** A run of what is neither a value nor the beginning of one; words and `$1` whole, so that their digits are no numbers. */
const plain = /(?:[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\$\d+|[^\w$'"/\-\u0080-\uffff])+/y;
const number = /\d[\d._]*(?:[eE][+-]?\d+)?\w*/y;
const dollar = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y;

function next(sql: string, at: number): Token {
  const two = sql.slice(at, at + 2);
  if (two === "--") return { shown: `--${hidden}`, end: endAt(sql, "\n", at, 0) };
  if (two === "/*") return { shown: `/*${hidden}*/`, end: commentEnd(sql, at) };
  if (sql[at] === "'") return { shown: `'${hidden}'`, end: stringEnd(sql, at) };
  if (sql[at] === '"') {
    const end = endAt(sql, '"', at + 1, 1);
    return { shown: sql.slice(at, end), end };
  }
  const tag = matched(dollar, sql, at);
  if (tag !== undefined) return { shown: `'${hidden}'`, end: endAt(sql, tag, at + tag.length, tag.length) };
  const digits = matched(number, sql, at);
  if (digits !== undefined) return { shown: hidden, end: at + digits.length };
  const words = matched(plain, sql, at) ?? sql[at] ?? "";
  return { shown: words, end: at + words.length };
}

/** Backslashes escape in E'…' only; believing it everywhere hides at most more than needed. */
function stringEnd(sql: string, start: number): number {
  const escapes = /[eE]/.test(sql[start - 1] ?? "");
  for (let at = start + 1; at < sql.length; at++) {
    if (escapes && sql[at] === "\\") at++;
    else if (sql[at] === "'" && sql[at + 1] === "'") at++;
    else if (sql[at] === "'") return at + 1;
  }
  return sql.length;
}

/** Comments nest in PostgreSQL. */
function commentEnd(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; at++) {
    const two = sql.slice(at, at + 2);
    if (two === "/*") depth++;
    if (two === "*/") depth--;
    if (two === "/*" || two === "*/") at++;
    if (depth === 0) return at + 1;
  }
  return sql.length;
}

function endAt(sql: string, mark: string, from: number, more: number): number {
  const found = sql.indexOf(mark, from);
  return found < 0 ? sql.length : found + more;
}

function matched(pattern: RegExp, sql: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(sql)?.[0];
}
