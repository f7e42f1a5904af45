import { getopt, optionList } from "./getopt.ts";
import { mayHave } from "./options.ts";
import { type Call, type CommandReading, type Rule, reading, unclear } from "./reading.ts";

/** Tools whose first word is a program of its own, in a language that can start others. */
export const textPrograms: Readonly<Record<string, Rule>> = { sed, awk, gawk: awk, mawk: awk, nawk: awk };

/** Addresses and the commands p, d, q, =, n, and s without e and w. */
const address = String.raw`(?:\d+|\$|/(?:[^/\\]|\\.)*/)`;
const harmlessSed = new RegExp(
  String.raw`^(?:${address}(?:,\+?${address})?\s*!?\s*)?(?:[pdq=n]|s([/|#,])(?:(?!\1)[^\\\n]|\\.)*\1(?:(?!\1)[^\\\n]|\\.)*\1[gpiI0-9]*)$`,
);
const sedOptions = optionList(
  "n E r s u z e: quiet silent regexp-extended separate unbuffered null-data expression:",
);

function sed({ args }: Call): CommandReading {
  if (mayHave(args, "i", ["in-place"])) return reading("write", "writes-file");
  const given = getopt(args, sedOptions);
  if (given === undefined) return unclear("shell-escape");
  const behind = given.options.flatMap(({ value }) => (value ? [value] : []));
  const scripts = behind.length > 0 ? behind : given.operands.slice(0, 1);
  const known = scripts.every(({ value }) => value?.split(/;|\n/).every((part) => isHarmless(part.trim())));
  return known && scripts.length > 0 ? reading("read") : unclear("shell-escape");
}

function isHarmless(command: string): boolean {
  return command === "" || harmlessSed.test(command);
}

/**
 * What lets a program of awk do more than print: start programs, read or write files, load code, call by name. Before the first
 * print, `>` compares and `|` stands in a pattern.
 */
const awkPower = /system|getline|@|print[\s\S]*[|>]|ENVIRON|ARGV/;
const awkOptions = optionList("F: v:");

function awk({ args }: Call): CommandReading {
  const text = getopt(args, awkOptions, true)?.operands[0]?.value;
  return text === undefined || awkPower.test(text) ? unclear("shell-escape") : reading("read");
}
