import { allKnown, mayBeOption, mayHave, operandsOf } from "./options.ts";
import { type Call, type CommandReading, type Rule, reading, together, unclear } from "./reading.ts";

/** Tools that read files, and the options with which they do more. */
export const textTools: Readonly<Record<string, Rule>> = {
  sort: (call) =>
    mayHave(call.args, "oST", ["output", "compress-program", "temporary-directory", "files0-from"])
      ? unclear("writes-file")
      : reading("read"),
  uniq: (call) =>
    operandsOf(call.args).length > 1 || !allKnown(call.args) ? unclear("writes-file") : reading("read"),
  file: (call) => (mayHave(call.args, "C", ["compile"]) ? reading("write", "writes-file") : reading("read")),
  xxd: (call) =>
    operandsOf(call.args).length > 1 || mayHave(call.args, "r", ["revert"])
      ? unclear("writes-file", "encoded")
      : reading("read"),
  base64: decoder,
  base32: decoder,
  uudecode: () => unclear("encoded", "writes-file"),
  yq: (call) =>
    mayHave(call.args, "is", ["inplace", "in-place", "split-exp"])
      ? reading("write", "writes-file")
      : reading("read"),
  sed,
  awk,
  gawk: awk,
  mawk: awk,
  nawk: awk,
  find,
  tar,
  tee: (call) =>
    operandsOf(call.args).every(({ value }) => value === "/dev/null" || value === "-")
      ? reading("read")
      : reading("write", "writes-file"),
  split: () => reading("write", "writes-file"),
  csplit: () => reading("write", "writes-file"),
  grep: "read",
  egrep: "read",
  fgrep: "read",
  rg: (call) => (mayHave(call.args, "", ["pre", "hostname-bin"]) ? unclear("shell-escape") : reading("read")),
};

function decoder(call: Call): CommandReading {
  return mayHave(call.args, "dD", ["decode"]) ? reading("read", "encoded") : reading("read");
}

/** Addresses and the commands p, d, q, =, n, and s without e and w. */
const address = String.raw`(?:\d+|\$|/(?:[^/\\]|\\.)*/)`;
const harmlessSed = new RegExp(
  String.raw`^(?:${address}(?:,\+?${address})?\s*!?\s*)?(?:[pdq=n]|s([/|#,])(?:(?!\1)[^\\\n]|\\.)*\1(?:(?!\1)[^\\\n]|\\.)*\1[gpiI0-9]*)$`,
);

function sed(call: Call): CommandReading {
  const { args } = call;
  if (mayHave(args, "is", ["in-place", "separate"])) return reading("write", "writes-file");
  if (mayHave(args, "f", ["file"])) return unclear("shell-escape");
  const scripts = scriptsOf(args.map(({ value }) => value));
  const known = scripts.every((script) => script?.split(/;|\n/).every((part) => isHarmless(part.trim())));
  return known && scripts.length > 0 ? reading("read") : unclear("shell-escape");
}

function isHarmless(command: string): boolean {
  return command === "" || harmlessSed.test(command);
}

/** The texts behind -e and --expression, or else the first operand. */
function scriptsOf(args: readonly (string | undefined)[]): readonly (string | undefined)[] {
  const given: (string | undefined)[] = [];
  for (const [at, arg] of args.entries()) {
    if (arg === undefined) continue;
    if (/^-[nErsuz]*e$|^--expression$/.test(arg)) given.push(args[at + 1]);
    else if (/^-[nErsuz]*e./.test(arg)) given.push(arg.replace(/^-[nErsuz]*e/, ""));
    else if (arg.startsWith("--e")) given.push(arg.slice(arg.indexOf("=") + 1));
  }
  return given.length > 0
    ? given
    : args.filter((arg) => arg === undefined || !arg.startsWith("-")).slice(0, 1);
}

/** What lets a program text of awk do more than print: start programs, read or write files, load code, call by name. */
const awkPower = /system|getline|[|>@]|print.*<|close|fflush|ENVIRON|ARGV/;

function awk(call: Call): CommandReading {
  const { args } = call;
  const values = args.map(({ value }) => value);
  const at = args.findIndex((_, index) => !isAwkOption(values, index));
  const text = values[at];
  const options = ["file", "source", "include", "exec", "load", "inplace"];
  if (text === undefined || mayHave(args.slice(0, at), "feiEl", options)) return unclear("shell-escape");
  return awkPower.test(text) ? unclear("shell-escape") : reading("read");
}

/** -F and -v take a value, in the same word or in the next. */
function isAwkOption(args: readonly (string | undefined)[], at: number): boolean {
  const before = args[at - 1];
  return (args[at]?.startsWith("-") ?? false) || before === "-F" || before === "-v";
}

const findActions = /^-(exec|execdir|ok|okdir)$/;

function find(call: Call): CommandReading {
  const { args } = call;
  if (!args.every((arg) => arg.value !== undefined || !mayBeOption(arg))) return unclear("dynamic");
  const values = args.map(({ value }) => value ?? "");
  const found: CommandReading[] = [];
  if (values.includes("-delete")) found.push(reading("destroy", "writes-file"));
  if (values.some((value) => /^-f(print|ls)/.test(value))) found.push(reading("write", "writes-file"));
  for (const [at, value] of values.entries()) {
    if (!findActions.test(value)) continue;
    const end = values.findIndex((each, index) => index > at && (each === ";" || each === "+"));
    found.push(call.run(args.slice(at + 1, end < 0 ? undefined : end)), reading("read", "dynamic"));
  }
  return together(reading("read"), ...found);
}

/** `tar` with or without the dash before its first letters. `tar cf - path` is what kubectl cp runs to read. */
function tar(call: Call): CommandReading {
  const [first, ...rest] = call.args;
  if (!(first && allKnown(call.args))) return unclear("archive");
  const spelt = first.value?.startsWith("-") ? first : { value: `-${first.value}`, prefix: "-" };
  const args = [spelt, ...rest];
  const starts = [
    "to-command",
    "use-compress-program",
    "checkpoint-action",
    "rsh-command",
    "info-script",
    "new-volume-script",
    "rmt-command",
  ];
  if (mayHave(args, "IF", starts)) return unclear("shell-escape", "archive");
  if (mayHave(args, "", ["remove-files", "delete"])) return reading("destroy", "archive", "writes-file");
  if (mayHave(args, "xru", ["extract", "get", "append", "update", "concatenate"]))
    return reading("write", "archive", "writes-file");
  if (mayHave(args, "t", ["list"])) return reading("read", "archive");
  const toStdout = args.some(({ value }, at) => /^-\w*f$/.test(value ?? "") && args[at + 1]?.value === "-");
  return toStdout ? reading("read", "archive") : reading("write", "archive", "writes-file");
}
