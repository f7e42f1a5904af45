import { tar } from "./archives.ts";
import { allKnown, mayBeOption, mayHave, operandsOf } from "./options.ts";
import { type Call, type CommandReading, type Rule, reading, together, unclear } from "./reading.ts";
import { textPrograms } from "./text-programs.ts";
import { withPlaceholder } from "./wrappers.ts";

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
  ...textPrograms,
  ps: (call) => (showsEnvironment(call) ? reading("read", "reads-environment") : reading("read")),
  jq: (call) =>
    call.args.some(({ value }) => value === undefined || /\benv\b|\$ENV/.test(value))
      ? reading("read", "reads-environment")
      : reading("read"),
  lsof: (call) => (mayHave(call.args, "D") ? unclear("writes-file") : reading("read")),
  lastlog: (call) => (mayHave(call.args, "CS", ["clear", "set"]) ? reading("write") : reading("read")),
  pidstat: (call) => (mayHave(call.args, "e") ? unclear("shell-escape") : reading("read")),
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

/** `ps auxe`: the letter e without a dash, where the word is not the value of an option. */
function showsEnvironment({ args }: Call): boolean {
  return args.some(({ value }, at) => {
    const isValue = /^-[A-Za-z]*[opuCgGtsUO]$/.test(args[at - 1]?.value ?? "");
    return value === undefined || (!isValue && /^[A-Za-z]*e[A-Za-z]*$/.test(value));
  });
}

function decoder(call: Call): CommandReading {
  return mayHave(call.args, "dD", ["decode"]) ? reading("read", "encoded") : reading("read");
}

const findActions = /^-(exec|execdir|ok|okdir)$/;

function find(call: Call): CommandReading {
  const { args } = call;
  if (!args.every((arg) => arg.value !== undefined || !mayBeOption(arg))) return unclear("dynamic");
  const values = args.map(({ value }) => value ?? "");
  const found: CommandReading[] = [];
  if (values.includes("-delete")) found.push(reading("destroy", "writes-file"));
  if (values.some((value) => /^-f(print|ls)/.test(value))) found.push(reading("write", "writes-file"));
  if (values.includes("-files0-from")) found.push(unclear("dynamic"));
  for (const [at, value] of values.entries()) {
    if (!findActions.test(value)) continue;
    const end = values.findIndex((each, index) => index > at && endsCommand(each, values[index - 1]));
    // What find has found begins with where it began, which is no option.
    const command = args
      .slice(at + 1, end < 0 ? undefined : end)
      .map((arg) => withPlaceholder(arg, "{}", "."));
    found.push(call.run(command), reading("read", "dynamic"));
  }
  return together(reading("read"), ...found);
}

function endsCommand(word: string, before: string | undefined): boolean {
  return word === ";" || (word === "+" && before === "{}");
}
