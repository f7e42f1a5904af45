import { hasHidden } from "../../../base/text.ts";
import type { PolicyFile, PolicyIssue } from "./issue.ts";

/** One policy's text where it stands in its file, up to and with the semicolon; comments before it included. */
export interface Statement {
  readonly file: string;
  /** Line of the first annotation or of `permit` or `forbid`. */
  readonly line: number;
  /** Line on which `text` begins. */
  readonly from: number;
  readonly text: string;
}

/**
 * The parser's WASM module corrupts its memory on deep input instead of failing, so what could be deep never reaches it.
 * Measured: brackets break it between 60 and 250 levels, chains (`if … else if`, `.a.b`, `+`) between 250 and 1,000.
 */
const limits = { file: 512 * 1024, statement: 32 * 1024, depth: 24, symbols: 600, chain: 100 } as const;

const token = /\s+|\/\/[^\n]*|"(?:[^"\\]|\\[\s\S])*"|[A-Za-z_][A-Za-z0-9_]*|\d+|[\s\S]/gy;

/** Cuts a file into policies, or says why it will not be read. */
export function splitPolicies({ file, text }: PolicyFile): {
  readonly statements: readonly Statement[];
  readonly issues: readonly PolicyIssue[];
} {
  if (text.length > limits.file)
    return {
      statements: [],
      issues: [issue(file, 1, "the file is larger than 512 KiB", "split it into several")],
    };
  const statements: Statement[] = [];
  const issues: PolicyIssue[] = hiddenCharacters({ file, text });
  let current = emptyCut(1);
  let line = 1;
  for (const [piece] of text.matchAll(token)) {
    follow(current, piece, line);
    line += piece.split("\n").length - 1;
    if (piece !== ";") continue;
    finish(file, current, statements, issues);
    current = emptyCut(line);
  }
  if (current.line !== undefined)
    issues.push(issue(file, current.line, "the policy does not end", "end it with a semicolon"));
  return { statements, issues };
}

interface Cut {
  text: string;
  readonly from: number;
  line: number | undefined;
  depth: number;
  deepest: number;
  symbols: number;
  chain: number;
}

function emptyCut(from: number): Cut {
  return { text: "", from, line: undefined, depth: 0, deepest: 0, symbols: 0, chain: 0 };
}

function follow(cut: Cut, piece: string, line: number): void {
  cut.text += piece;
  if (/^(\s|\/\/)/.test(piece)) return;
  cut.line ??= line;
  if (/^[([{]$/.test(piece)) cut.depth += 1;
  if (/^[)\]}]$/.test(piece)) cut.depth -= 1;
  cut.deepest = Math.max(cut.deepest, cut.depth);
  if (/^(if|\.|\+|-|\*|!)$/.test(piece)) cut.chain += 1;
  if (!/^["\w,]/.test(piece)) cut.symbols += 1;
}

function finish(file: string, cut: Cut, statements: Statement[], issues: PolicyIssue[]): void {
  const line = cut.line ?? cut.from;
  const problem = excess(cut);
  if (problem) issues.push(issue(file, line, problem, "write it as several smaller policies"));
  else statements.push({ file, line, from: cut.from, text: cut.text });
}

function excess(cut: Cut): string | undefined {
  if (cut.text.length > limits.statement) return "the policy is longer than 32 KiB";
  if (cut.deepest > limits.depth) return `the policy is nested deeper than ${limits.depth} levels`;
  if (cut.chain > limits.chain || cut.symbols > limits.symbols) return "the policy is too complex";
  return undefined;
}

function hiddenCharacters({ file, text }: PolicyFile): PolicyIssue[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const at = lines.findIndex(hasHidden);
  if (at < 0) return [];
  return [issue(file, at + 1, "the line holds characters that cannot be seen", "remove them")];
}

function issue(file: string, line: number, message: string, hint: string): PolicyIssue {
  return { file, line, message, hint };
}
