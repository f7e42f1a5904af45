import { type ErrorCode, IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { Io } from "./io.ts";

/** Exit codes, part of the CLI's contract (docs/cli.md). With `-- cmd` the child's own code is used instead. */
export const exitCodes: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  canceled: 2,
  denied: 3,
  unauthenticated: 4,
  "login-needed": 4,
  pending: 5,
  "approval-refused": 6,
  config: 1,
  invalid: 1,
  "not-found": 1,
  conflict: 1,
  "too-large": 1,
  "rate-limited": 1,
  unavailable: 1,
  storage: 1,
  corrupt: 1,
  internal: 1,
};

/** The one place that says what went wrong and picks the exit code. */
export function report(
  thrown: unknown,
  io: Io,
  how: { readonly json: boolean; readonly verbose: boolean },
): number {
  const error = understood(thrown);
  const { code, message, hint, rule } = error;
  const exit = exitCodes[code];
  if (how.json) io.json({ v: 1, error: { code, message, hint, rule, exit } });
  io.say(
    `ihc: ${io.err.red("error:")} ${visible(rule === undefined ? message : `${message} (rule ${rule})`)}`,
  );
  if (hint !== undefined) io.say(`ihc: ${io.err.yellow("hint:")} ${visible(hint)}`);
  if (how.verbose) io.say(trace(error));
  return exit;
}

function understood(thrown: unknown): IhcError {
  if (thrown instanceof IhcError) return thrown;
  if (!(thrown instanceof Error))
    return new IhcError("internal", "something threw no error", { cause: thrown });
  if (thrown.name === "AbortError" || thrown.name === "ExitPromptError")
    return new IhcError("canceled", "canceled", { cause: thrown });
  if ("code" in thrown && typeof thrown.code === "string" && thrown.code.startsWith("commander."))
    return usage(thrown);
  if ("syscall" in thrown && "code" in thrown)
    return new IhcError("storage", fileText(thrown), { cause: thrown });
  return new IhcError("internal", lower(thrown.message), {
    hint: "run it again with --verbose to see where",
    cause: thrown,
  });
}

/** Commander writes `error: unknown command 'x'` and its suggestion on a second line. */
function usage(error: Error): IhcError {
  const [first = "", suggestion = ""] = error.message.split("\n");
  const hint = /^\(Did you mean (.+)\?\)$/.exec(suggestion)?.[1];
  return new IhcError("usage", first.replace(/^error: /, ""), {
    hint: hint === undefined ? "see ihc --help" : `did you mean ${hint}?`,
  });
}

/** Node writes `ENOENT: no such file or directory, open '/path'`. */
function fileText(error: Error): string {
  const { path, code } = { path: "", code: "", ...error };
  const why = fileReasons[code];
  return why === undefined || path === "" ? lower(error.message) : `${path} ${why}`;
}

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: "is not there",
  EEXIST: "is there already",
  EACCES: "may not be opened by you",
  EPERM: "may not be changed by you",
  EISDIR: "is a folder",
  ENOTDIR: "has a file where a folder should be",
  ENOSPC: "does not fit: the disk is full",
};

function lower(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

function trace(error: Error): string {
  const lines: string[] = [];
  let current: unknown = error;
  for (let depth = 0; current instanceof Error && depth < 5; depth += 1) {
    lines.push(...(current.stack ?? current.message).split("\n").map(visible));
    current = current.cause;
  }
  return lines.join("\n");
}
