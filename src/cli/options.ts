import { parseDuration } from "../base/duration.ts";
import { IhcError } from "../base/errors.ts";

/** What was typed for one command, read where it is used and with the type it is used as. */
export interface Invocation {
  readonly args: readonly string[];
  flag(name: string): boolean;
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  /** Milliseconds. Throws IhcError `usage`. */
  duration(name: string): number | undefined;
  /** A whole number within bounds. Throws IhcError `usage`. */
  integer(name: string, least: number, most: number): number | undefined;
  /** One of the words. Throws IhcError `usage`. */
  choice<T extends string>(name: string, words: readonly T[]): T | undefined;
  /** The argument at that place, which commander has made sure of. */
  argument(place: number): string;
}

export function invocation(args: readonly string[], options: Readonly<Record<string, unknown>>): Invocation {
  const text = (name: string): string | undefined => {
    const value = options[name];
    return typeof value === "string" ? value : undefined;
  };
  return {
    args,
    flag: (name) => options[name] === true,
    text,
    list: (name) => {
      const value = options[name];
      return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
    },
    duration: (name) => {
      const value = text(name);
      return value === undefined ? undefined : parsedDuration(name, value);
    },
    integer: (name, least, most) => {
      const value = text(name);
      return value === undefined ? undefined : parsedInteger(name, value, least, most);
    },
    choice: (name, words) => {
      const value = text(name);
      if (value === undefined) return undefined;
      const word = words.find((candidate) => candidate === value);
      if (word === undefined)
        throw new IhcError("usage", `${flagOf(name)} does not know that value`, {
          hint: `one of: ${words.join(", ")}`,
        });
      return word;
    },
    argument: (place) => {
      const value = args[place];
      if (value === undefined) throw new IhcError("usage", "an argument is missing", { hint: "see --help" });
      return value;
    },
  };
}

function parsedDuration(name: string, value: string): number {
  try {
    return parseDuration(value);
  } catch (cause) {
    throw new IhcError("usage", `${flagOf(name)} is not a duration`, {
      hint: "write it like 90s, 30m, 1h30m or 2d",
      cause,
    });
  }
}

function parsedInteger(name: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (!/^\d{1,9}$/.test(value) || number < least || number > most)
    throw new IhcError("usage", `${flagOf(name)} is not a number from ${least} to ${most}`);
  return number;
}

function flagOf(name: string): string {
  return `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
