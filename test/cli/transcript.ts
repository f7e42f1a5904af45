import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/**
 * A transcript is what a person sees: `$ ihc …` (or `ana$ ihc …` for a person of the test world), then stdout as it is, stderr
 * lines after `2> `, and `[code]` when the exit code is not 0. `#` begins a comment. `<*>` stands for any text within a line,
 * `<...>` on a line of its own for any lines; `<name>` stands for a word that is the same wherever the name comes again, also in
 * later commands.
 */
export interface Step {
  readonly line: number;
  readonly person?: string;
  readonly args: readonly string[];
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  readonly code: number;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function readTranscript(file: string | URL): readonly Step[] {
  const steps: Draft[] = [];
  for (const [place, text] of readFileSync(file, "utf8").split("\n").entries()) {
    const command = /^(\w*)\$ ihc ?(.*)$/.exec(text);
    if (command) steps.push(begun(place + 1, command));
    else if (!text.startsWith("#") && text !== "") add(steps.at(-1), text, place + 1);
  }
  if (steps.length === 0) throw new Error("a transcript without a command proves nothing");
  return steps;
}

interface Draft {
  readonly line: number;
  readonly person?: string;
  readonly args: readonly string[];
  readonly stdout: string[];
  readonly stderr: string[];
  code: number;
}

function begun(line: number, [, person = "", rest = ""]: RegExpExecArray): Draft {
  const who = person === "" ? {} : { person };
  return { line, ...who, args: words(rest), stdout: [], stderr: [], code: 0 };
}

function add(step: Draft | undefined, text: string, line: number): void {
  if (step === undefined) throw new Error(`line ${line}: output before a command`);
  const code = /^\[(\d+)\]$/.exec(text);
  if (code) step.code = Number(code[1]);
  else if (text.startsWith("2> ")) step.stderr.push(text.slice(3));
  else step.stdout.push(text);
}

/** Runs the steps in order and compares; names bind as they come. */
export async function play(
  file: string | URL,
  run: (args: readonly string[], person: string | undefined) => Promise<Ran>,
): Promise<void> {
  const names = new Map<string, string>();
  for (const step of readTranscript(file)) {
    const ran = await run(
      step.args.map((word) => word.replaceAll(/<(\w+)>/g, (whole, name: string) => names.get(name) ?? whole)),
      step.person,
    );
    const where = `line ${step.line}: ihc ${step.args.join(" ")}\n--- stdout\n${ran.stdout}--- stderr\n${ran.stderr}--- code ${ran.code}`;
    assert.ok(matches(step.stdout, ran.stdout, names), `stdout differs at ${where}`);
    assert.ok(matches(step.stderr, ran.stderr, names), `stderr differs at ${where}`);
    assert.equal(ran.code, step.code, `exit code differs at ${where}`);
  }
}

function matches(expected: readonly string[], actual: string, names: Map<string, string>): boolean {
  const groups: string[] = [];
  const pattern = expected
    .map((line) => (line === "<...>" ? "(?:.*\\n)*?" : `${linePattern(line, names, groups)}\\n`))
    .join("");
  const found = new RegExp(`^${pattern}$`).exec(actual.replaceAll(/^[ \t]*\n/gm, ""));
  if (found === null) return false;
  for (const [place, name] of groups.entries()) names.set(name, found[place + 1] ?? "");
  return true;
}

function linePattern(line: string, names: ReadonlyMap<string, string>, groups: string[]): string {
  return line
    .split(/(<\*>|<\w+>)/)
    .map((part) => {
      if (part === "<*>") return ".*";
      const name = /^<(\w+)>$/.exec(part)?.[1];
      if (name === undefined) return literal(part);
      const known = names.get(name);
      if (known !== undefined) return literal(known);
      if (groups.includes(name)) return `\\${groups.indexOf(name) + 1}`;
      groups.push(name);
      return "(\\S+)";
    })
    .join("");
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

/** Blanks separate, quotes keep together; nothing is expanded. */
function words(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}
