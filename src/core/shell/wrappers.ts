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
  ksh: shell,
  zsh: shell,
  busybox: (call) => (call.args.length === 0 ? reading("read") : call.run(call.args)),
  toybox: (call) => (call.args.length === 0 ? reading("read") : call.run(call.args)),
  env,
  command: (call) => (/^-[vV]$/.test(call.args[0]?.value ?? "") ? reading("read") : inner(call, call.args)),
  builtin: (call) => inner(call, call.args),
  exec: (call) => (call.args.length === 0 ? reading("read") : inner(call, call.args)),
  nohup: (call) => together(inner(call, call.args), reading("read", "survives")),
  setsid: (call) => together(inner(call, call.args), reading("read", "survives")),
  nice: (call) => inner(call, afterOptions(call.args, /^-n$|^--adjustment$/)),
  ionice: (call) => inner(call, afterOptions(call.args, /^-[cn]$/)),
  stdbuf: (call) => inner(call, afterOptions(call.args, /^-[ioe]$/)),
  time: (call) => inner(call, afterOptions(call.args, /^-p$/)),
  timeout: (call) => inner(call, afterOptions(call.args, /^-[ks]$/).slice(1)),
  xargs: (call) =>
    together(
      inner(call, afterOptions(call.args, /^-[InLPsdaE]$/)),
      reading("read", "dynamic"),
      dynamicInner(call),
    ),
  sudo: (call) => together(unclear("sudo"), inner(call, afterOptions(call.args, /^-[ugphCTRD]$/))),
  doas: (call) => together(unclear("sudo"), inner(call, afterOptions(call.args, /^-[uC]$/))),
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
  const [first, second] = call.args;
  if (first === undefined) return unclear("shell-escape", "interactive");
  if (call.args.length === 1 && first.value === "--version") return reading("read");
  const flags = first.value;
  if (flags === undefined || !/^-[ceuxlfnvi]*c$/.test(flags) || second?.value === undefined)
    return unclear("shell-escape");
  return call.script(second.value);
}

/** `env` alone shows the environment; before a command it changes it, unless it is told nothing. */
function env(call: Call): CommandReading {
  const [first] = call.args;
  if (first === undefined) return reading("read", "reads-environment");
  if (first.prefix.startsWith("-") || first.value === undefined || first.value.includes("="))
    return together(unclear("sets-environment"), inner(call, afterAssignments(call.args)));
  return inner(call, call.args);
}

function inner(call: Call, args: readonly Argument[]): CommandReading {
  const [first] = args;
  if (first?.value === undefined || first.value.startsWith("-")) return unclear("shell-escape");
  return call.run(args);
}

/** What xargs adds to the command's words is not known: only those that read whatever their words are stay reads. */
function dynamicInner(call: Call): CommandReading {
  const args = afterOptions(call.args, /^-[InLPsdaE]$/);
  return inner(call, [...args, { value: undefined, prefix: "" }]);
}

/** Skips options; `takesValue` names those whose value is the next word. */
function afterOptions(args: readonly Argument[], takesValue: RegExp): readonly Argument[] {
  let at = 0;
  for (let arg = args[at]; arg?.value?.startsWith("-"); arg = args[at]) {
    at += takesValue.test(arg.value) ? 2 : 1;
    if (arg.value === "--") break;
  }
  return args.slice(at);
}

function afterAssignments(args: readonly Argument[]): readonly Argument[] {
  const rest = afterOptions(args, /^-[uCS]$/);
  const at = rest.findIndex(({ value }) => value === undefined || !/^\w+=/.test(value));
  return at < 0 ? [] : rest.slice(at);
}
