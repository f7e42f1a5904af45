import type { Argument, Command, Option } from "commander";
import { effects } from "../core/session/operation.ts";
import type { Context } from "./context.ts";

/** One proposal: what is inserted, and a word about it where the shell can show one. */
export interface Proposal {
  readonly value: string;
  readonly about: string;
}

/**
 * What may follow the words typed so far, of which the last is being typed. Shells call it as `ihc __complete …` and quote
 * what they insert; names that hold control characters are left out.
 */
export async function complete(
  program: Command,
  words: readonly string[],
  context: Context,
): Promise<readonly Proposal[]> {
  const current = words.at(-1) ?? "";
  const place = placeOf(program, words.slice(0, -1));
  const all = await proposals(place, current, context);
  return all.filter(({ value }) => value.startsWith(current) && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value));
}

interface Place {
  readonly command: Command;
  readonly operands: number;
  /** The option whose value is being typed. */
  readonly value?: Option;
  /** After `--` everything belongs to the child. */
  readonly foreign: boolean;
}

function placeOf(program: Command, words: readonly string[]): Place {
  const end = words.indexOf("--");
  let place: Place = { command: program, operands: 0, foreign: end >= 0 };
  for (const word of end < 0 ? words : words.slice(0, end)) place = after(place, word);
  return place;
}

function after({ command, operands, foreign, value }: Place, word: string): Place {
  if (value !== undefined) return { command, operands, foreign };
  if (word.startsWith("-")) {
    const option = takesValue(command, word);
    return { command, operands, foreign, ...(option === undefined ? {} : { value: option }) };
  }
  const next = operands === 0 ? command.commands.find((child) => child.name() === word) : undefined;
  return next === undefined
    ? { command, operands: operands + 1, foreign }
    : { command: next, operands, foreign };
}

function takesValue(command: Command, word: string): Option | undefined {
  return command.options.find((option) => (option.long === word || option.short === word) && option.required);
}

async function proposals(place: Place, current: string, context: Context): Promise<readonly Proposal[]> {
  if (place.foreign) return [];
  if (place.value !== undefined)
    return await named(place.value.attributeName(), place.value.argChoices, context);
  const { command } = place;
  if (current.startsWith("-"))
    return command
      .createHelp()
      .visibleOptions(command)
      .flatMap((option) => (option.long ? [{ value: option.long, about: option.description }] : []));
  if (command.commands.length > 0 && place.operands === 0)
    return command
      .createHelp()
      .visibleCommands(command)
      .map((child) => ({ value: child.name(), about: child.description() }));
  const argument: Argument | undefined = command.registeredArguments[place.operands];
  return argument === undefined ? [] : await named(argument.name(), argument.argChoices, context);
}

type Names = (context: Context) => Promise<readonly Proposal[]>;

async function named(
  what: string,
  choices: readonly string[] | undefined,
  context: Context,
): Promise<readonly Proposal[]> {
  if (choices !== undefined) return choices.map((value) => ({ value, about: "" }));
  const names = Object.hasOwn(sources, what) ? sources[what] : undefined;
  return names === undefined ? [] : await names(context);
}

const sources: Readonly<Record<string, Names>> = {
  target: async (context) =>
    (await (await context.control()).targets()).map(({ name, protocol }) => ({
      value: name,
      about: protocol,
    })),
  request: async (context) =>
    (await (await context.control()).requests({ state: "pending" })).map(({ id, requester, target }) => ({
      value: id,
      about: `${requester.name} on ${target}`,
    })),
  grant: async (context) =>
    (await (await context.control()).grants({ state: "active" })).map(({ id, person, target }) => ({
      value: id,
      about: `${person} on ${target}`,
    })),
  session: async (context) =>
    (await (await context.control()).sessions()).map(({ id, person, target }) => ({
      value: id,
      about: `${person} on ${target}`,
    })),
  profile: async (context) => {
    const { readProfiles } = await import("../agent/profiles.ts");
    return (await readProfiles(context.paths)).all.map(({ name, gateway }) => ({
      value: name,
      about: gateway.origin,
    }));
  },
  name: async (context) => await (sources["profile"]?.(context) ?? []),
  effect: async () => await Promise.resolve(effects.map((value) => ({ value, about: "" }))),
};
