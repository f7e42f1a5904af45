import { getopt, optionList } from "./getopt.ts";
import {
  type Argument,
  type Call,
  type CommandReading,
  type Rule,
  reading,
  together,
  unclear,
} from "./reading.ts";

/** Programs that start others: what they start is read too. */
export const wrappers: Readonly<Record<string, Rule>> = {
  sh: shell,
  bash: shell,
  dash: shell,
  ash: shell,
  // Their grammar is another: what is read here is not all that they would do.
  ksh: otherShell,
  mksh: otherShell,
  zsh: otherShell,
  fish: otherShell,
  csh: otherShell,
  tcsh: otherShell,
  busybox: (call) => (call.args.length === 0 ? reading("read") : call.run(call.args)),
  toybox: (call) => (call.args.length === 0 ? reading("read") : call.run(call.args)),
  env,
  command: (call) => (/^-[vV]$/.test(call.args[0]?.value ?? "") ? reading("read") : inner(call, call.args)),
  builtin: (call) => inner(call, call.args),
  exec: (call) => (call.args.length === 0 ? reading("read") : inner(call, call.args)),
  nohup: (call) => together(inner(call, call.args), reading("read", "survives")),
  setsid: (call) => together(inner(call, call.args), reading("read", "survives")),
  nice: (call) => behind(call, "n: adjustment:"),
  ionice: (call) => behind(call, "c: n: t class: classdata: ignore"),
  stdbuf: (call) => behind(call, "i: o: e: input: output: error:"),
  time: (call) => behind(call, "p v portability verbose"),
  timeout,
  xargs,
  sudo: (call) =>
    together(unclear("sudo"), behind(call, "u: g: p: h: C: T: R: D: E H K P S i k n s user: group:")),
  doas: (call) => together(unclear("sudo"), behind(call, "u: C: n s")),
  su: () => unclear("sudo", "shell-escape"),
  chroot: (call) => together(unclear("sudo"), inner(call, call.args.slice(1))),
  nsenter: () => unclear("sudo", "shell-escape"),
  unshare: () => unclear("sudo", "shell-escape"),
  "systemd-run": () => unclear("survives", "shell-escape"),
  at: () => unclear("survives", "shell-escape"),
  batch: () => unclear("survives", "shell-escape"),
  crontab: () => unclear("survives", "shell-escape"),
  eval: (call) => {
    const words = call.args.map(({ value }) => value);
    return words.every((word) => word !== undefined)
      ? together(call.script(words.join(" ")), reading("read", "obfuscated"))
      : unclear("dynamic", "shell-escape");
  },
};

/**
 * A shell runs the text behind -c, in a cluster such as -lc perhaps. Without it, it reads what comes on its input or runs a
 * file: neither can be known.
 */
function shell(call: Call): CommandReading {
  const words = call.args.map(({ value }) => value);
  const [first] = words;
  if (call.args.length === 0) return unclear("shell-escape", "interactive");
  if (words.length === 1 && first === "--version") return reading("read");
  const at = words.findIndex((word, index) => !isShellFlag(word, words[index - 1]));
  const script = words[at + 1];
  if (!/^-[euxlfnvi]*c$/.test(words[at] ?? "") || script === undefined) return unclear("shell-escape");
  return call.script(script);
}

/** `-eu`, or `-o pipefail`: they let less be done, not more. */
function isShellFlag(word: string | undefined, before: string | undefined): boolean {
  if (/^-[eux]*o$/.test(before ?? "")) return word === "pipefail";
  return /^-[eux]+o?$|^-o$|^-l$/.test(word ?? "");
}

function otherShell(call: Call): CommandReading {
  return together(shell(call), unclear("shell-escape"));
}

const withEnvironment = "i 0 u: C: ignore-environment null unset: chdir:";

/** `env` alone shows the environment; before a command it changes it, unless it is told nothing. */
function env(call: Call): CommandReading {
  const [first] = call.args;
  if (first === undefined) return reading("read", "reads-environment");
  if (first.prefix.startsWith("-") || first.value === undefined || first.value.includes("=")) {
    const operands = getopt(call.args, optionList(withEnvironment), true)?.operands ?? [];
    const at = operands.findIndex(({ value }) => value === undefined || !/^\w+=/.test(value));
    return together(unclear("sets-environment"), inner(call, at < 0 ? [] : operands.slice(at)));
  }
  return inner(call, call.args);
}

/** The command behind the options. */
function behind(call: Call, options: string): CommandReading {
  return inner(call, getopt(call.args, optionList(options), true)?.operands ?? []);
}

function timeout(call: Call): CommandReading {
  const options = optionList("k: s: v foreground preserve-status verbose kill-after: signal:");
  const [duration, ...command] = getopt(call.args, options, true)?.operands ?? [];
  return /^[\d.]+[smhd]?$/.test(duration?.value ?? "") ? inner(call, command) : unclear("shell-escape");
}

const xargsOptions = optionList(
  "0 r t x n: L: P: s: d: E: a: I: null no-run-if-empty verbose exit max-args: max-procs: delimiter: arg-file:",
);

/** What xargs adds to the command's words is not known: only those that read whatever their words are stay reads. */
function xargs(call: Call): CommandReading {
  const given = getopt(call.args, xargsOptions, true);
  if (given === undefined) return unclear("dynamic", "shell-escape");
  const replaced = given.options.findLast(({ name }) => name === "I")?.value;
  if (replaced && !replaced.value) return unclear("dynamic", "shell-escape");
  const command = replaced?.value
    ? given.operands.map((arg) => withPlaceholder(arg, replaced.value ?? ""))
    : [...given.operands, { value: undefined, prefix: "", splits: true }];
  return together(reading("read", "dynamic"), inner(call, command));
}

/** A word in which the program puts what it has found; `begins` is how that surely begins. */
export function withPlaceholder(arg: Argument, placeholder: string, begins = ""): Argument {
  const at = (arg.value ?? placeholder).indexOf(placeholder);
  if (at < 0) return arg;
  return { value: undefined, prefix: `${arg.prefix.slice(0, at)}${at === 0 ? begins : ""}`, splits: true };
}

function inner(call: Call, args: readonly Argument[]): CommandReading {
  const [first] = args;
  if (first?.value === undefined || first.value.startsWith("-")) return unclear("shell-escape");
  return call.run(args);
}
