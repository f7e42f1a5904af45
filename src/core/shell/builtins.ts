import { getopt, optionList } from "./getopt.ts";
import { mayBeOption, mayHave } from "./options.ts";
import { type Argument, type Call, type CommandReading, type Rule, reading, unclear } from "./reading.ts";

/**
 * What a shell does itself. bash evaluates the names of variables that some of these take, so that `a[$(id)]` runs `id`: where
 * there may be such a name, nobody knows what happens.
 */
export const builtins: Readonly<Record<string, Rule>> = {
  test: ({ args }) => condition(args),
  "[": ({ args }) => (args.at(-1)?.value === "]" ? condition(args.slice(0, -1)) : unclear()),
  printf: ({ args }) =>
    args[0] && mayBeOption(args[0]) && args[0].value !== "--" ? unclear("sets-environment") : reading("read"),
  wait: ({ args }) => (mayHave(args, "p") ? unclear("sets-environment") : reading("read")),
  read: readInput,
  set: ({ args }) => (setsOnlyCare(args) ? reading("read") : unclear("sets-environment")),
};

const questions = /^-[bcdefghknprstuwxzGLNOSo]$/;
const comparisons = /^(?:=|==|!=|<|>|-eq|-ne|-lt|-le|-gt|-ge|-nt|-ot|-ef)$/;

/** Each word that only the shell knows is one word, and stands where it cannot be an operator such as -v. */
function condition(args: readonly Argument[]): CommandReading {
  if (args.some(({ value }) => value === "-v" || value === "-R")) return unclear("sets-environment");
  const settled = args.every(({ value, splits }, at) => {
    if (value !== undefined) return true;
    if (splits) return false;
    const before = args[at - 1]?.value ?? "";
    const after = args[at + 1]?.value ?? "";
    return args.length === 1 || questions.test(before) || comparisons.test(before) || comparisons.test(after);
  });
  return settled ? reading("read") : unclear("dynamic");
}

const readOptions = optionList("r s t: p: n: N: d:");

/** `read -r line`: into variables of small letters only, as assignments are. */
function readInput({ args }: Call): CommandReading {
  const given = getopt(args, readOptions, true);
  const plain = given?.operands.every(({ value }) => /^[a-z][a-z0-9]{0,15}$/.test(value ?? ""));
  return plain ? reading("read", "dynamic") : unclear("sets-environment");
}

/** `set -eu`, `set -o pipefail`: they let less be done, not more. */
function setsOnlyCare(args: readonly Argument[]): boolean {
  const words = args.map(({ value }) => value);
  return (
    words.length > 0 &&
    words.every((word, at) =>
      words[at - 1] !== undefined && /^-[euxf]*o$/.test(words[at - 1] ?? "")
        ? word === "pipefail"
        : /^-[euxf]+o?$|^-o$/.test(word ?? ""),
    ) &&
    !/o$/.test(words.at(-1) ?? "")
  );
}
