import type { Argument } from "./reading.ts";

/**
 * Whether one of the options may be among the arguments. `shorts` are letters, which may stand in a cluster; `longs` are
 * without dashes, and GNU takes any unambiguous beginning of them. A word that only the shell knows may be any option.
 */
export function mayHave(args: readonly Argument[], shorts: string, longs: readonly string[] = []): boolean {
  return optionsOf(args).some(
    ({ value }) => value === undefined || isShort(value, shorts) || isLong(value, longs),
  );
}

/** The arguments that may be options: before `--`, beginning with a dash, or not known. */
function optionsOf(args: readonly Argument[]): readonly Argument[] {
  const end = args.findIndex(({ value }) => value === "--");
  return args.slice(0, end < 0 ? args.length : end).filter(mayBeOption);
}

/** The first words that are no options, as far as they are known; an option's own value may be among them. */
export function operandsOf(args: readonly Argument[]): readonly Argument[] {
  return args.filter((arg) => !mayBeOption(arg));
}

export function mayBeOption({ value, prefix }: Argument): boolean {
  return value === undefined
    ? prefix === "" || prefix.startsWith("-")
    : value.startsWith("-") && value !== "-";
}

/** Whether every word is known. */
export function allKnown(args: readonly Argument[]): boolean {
  return args.every(({ value }) => value !== undefined);
}

function isShort(value: string, shorts: string): boolean {
  return /^-[^-]/.test(value) && [...shorts].some((letter) => value.includes(letter));
}

function isLong(value: string, longs: readonly string[]): boolean {
  const given = /^--?([^=]+)/.exec(value)?.[1];
  return (
    given !== undefined &&
    longs.some((long) => long === given || (value.startsWith("--") && long.startsWith(given)))
  );
}
