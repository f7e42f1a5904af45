import { type Effect, worst } from "../session/operation.ts";

/**
 * What a command line would do, as far as its grammar shows. The promise is one-sided: what is called `read` starts only
 * programs that we know, with arguments that we know; everything else is `unknown`.
 */
export interface CommandReading {
  readonly effect: Effect;
  readonly traits: readonly CommandTrait[];
  /** What would be started: the base name of a program in one of the system's folders, else the path as it was written. */
  readonly programs: readonly string[];
}

export const commandTraits = [
  /** One command of literal words: what its text says is what runs. Allow-lists should ask for it. */
  "plain",
  /** Not all of it could be read, or a program is not one of those we know. */
  "unclear",
  /** A word depends on variables, globs or the output of a command. */
  "dynamic",
  /** A path goes upwards (`..`) or begins in a home folder. */
  "relative-path",
  /** A name is spelt with quotes or escapes that serve no purpose. */
  "obfuscated",
  /** Text is decoded or generated before it is used. */
  "encoded",
  /** Another program can be started from inside: an interpreter, an editor, a pager, a shell that reads its input. */
  "shell-escape",
  /** It waits for a person. */
  "interactive",
  "background",
  /** It may still run when the grant has ended. */
  "survives",
  "sets-environment",
  "reads-environment",
  "reads-secret-path",
  "writes-file",
  "archive",
  "network",
  "database",
  "sudo",
  "package",
  "service-restart",
  "power",
  "signal",
  "container",
] as const;

export type CommandTrait = (typeof commandTraits)[number];

/** A word of a command. `value` is undefined when only the running shell knows it. */
export interface Argument {
  readonly value: string | undefined;
  /** The text it surely begins with. */
  readonly prefix: string;
  /** Whether it may become several words, or none. */
  readonly splits: boolean;
}

/** One simple command, as the rules of programs see it. */
export interface Call {
  readonly name: string;
  readonly args: readonly Argument[];
  /** Reads another command that this one would start. */
  run(args: readonly Argument[]): CommandReading;
  /** Reads a text that a shell started by this command would run. */
  script(text: string): CommandReading;
}

export type Rule = Effect | ((call: Call) => CommandReading);

export function reading(effect: Effect, ...traits: readonly CommandTrait[]): CommandReading {
  return { effect, traits, programs: [] };
}

export function unclear(...traits: readonly CommandTrait[]): CommandReading {
  return reading("unknown", "unclear", ...traits);
}

/** All of them run: the worst effect, every trait, every program. */
export function together(...readings: readonly CommandReading[]): CommandReading {
  const traits = new Set(readings.flatMap((each) => each.traits));
  return {
    effect: readings.reduce<Effect>((effect, each) => worst(effect, each.effect), "read"),
    traits: commandTraits.filter((trait) => traits.has(trait)),
    programs: [...new Set(readings.flatMap((each) => each.programs))],
  };
}
