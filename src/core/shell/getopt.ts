import { mayBeOption } from "./options.ts";
import type { Argument } from "./reading.ts";

/** The options of a program that are known to be harmless, without dashes; true for those that take a value. */
export type OptionList = ReadonlyMap<string, boolean>;

/** `n E e: quiet expression:`; a colon says that a value follows. */
export function optionList(text: string): OptionList {
  return new Map(
    text.split(" ").map((word) => (word.endsWith(":") ? [word.slice(0, -1), true] : [word, false])),
  );
}

export interface Given {
  readonly options: readonly { readonly name: string; readonly value?: Argument }[];
  readonly operands: readonly Argument[];
}

/**
 * Reads options as getopt does. Undefined when there may be one that is not in the list, an abbreviation included: then nobody
 * knows which words are its values. With `leading` the first operand ends the options, as it does where a command follows.
 */
export function getopt(args: readonly Argument[], list: OptionList, leading = false): Given | undefined {
  const options: Given["options"][number][] = [];
  const operands: Argument[] = [];
  let valueAt = -1;
  for (const [at, arg] of args.entries()) {
    if (at === valueAt) continue;
    if (arg.value === "--") return { options, operands: [...operands, ...args.slice(at + 1)] };
    if (!mayBeOption(arg)) {
      if (leading) return { options, operands: args.slice(at) };
      operands.push(arg);
      continue;
    }
    const read = optionsIn(arg.value, args[at + 1], list);
    if (read === undefined) return undefined;
    options.push(...read.options);
    if (read.takesNext) valueAt = at + 1;
  }
  return { options, operands };
}

interface Read {
  readonly options: Given["options"];
  readonly takesNext: boolean;
}

function optionsIn(word: string | undefined, next: Argument | undefined, list: OptionList): Read | undefined {
  if (word === undefined) return undefined;
  return word.startsWith("--") ? longOption(word.slice(2), next, list) : cluster(word.slice(1), next, list);
}

function longOption(word: string, next: Argument | undefined, list: OptionList): Read | undefined {
  const mark = word.indexOf("=");
  const name = mark < 0 ? word : word.slice(0, mark);
  const takes = name.length > 1 ? list.get(name) : undefined;
  if (takes === undefined || (mark >= 0 && !takes)) return undefined;
  if (!takes) return { options: [{ name }], takesNext: false };
  if (mark >= 0) return { options: [{ name, value: literal(word.slice(mark + 1)) }], takesNext: false };
  return isOneWord(next) ? { options: [{ name, value: next }], takesNext: true } : undefined;
}

/** Letters, the last of which may take the rest of the word, or the next word. */
function cluster(letters: string, next: Argument | undefined, list: OptionList): Read | undefined {
  const options: { name: string; value?: Argument }[] = [];
  for (const [at, name] of [...letters].entries()) {
    const takes = list.get(name);
    if (takes === undefined) return undefined;
    if (!takes) {
      options.push({ name });
      continue;
    }
    const rest = letters.slice(at + 1);
    if (rest !== "") return { options: [...options, { name, value: literal(rest) }], takesNext: false };
    return isOneWord(next) ? { options: [...options, { name, value: next }], takesNext: true } : undefined;
  }
  return { options, takesNext: false };
}

/** What may become several words, or none, moves the words behind it. */
function isOneWord(arg: Argument | undefined): arg is Argument {
  return arg !== undefined && !arg.splits;
}

function literal(value: string): Argument {
  return { value, prefix: value, splits: false };
}
