import type { Word, WordPart } from "unbash";
import type { Argument, CommandReading } from "./reading.ts";
import { reading, together, unclear } from "./reading.ts";
import { isRelative, isSecretPath } from "./secret-paths.ts";

/** A word as its shell would see it, and what its form alone gives away. */
export interface ReadWord extends Argument {
  readonly reading: CommandReading;
  /** Quotes, escapes or expansions stand in it. */
  readonly spelt: boolean;
}

export function readWord(word: Word): ReadWord {
  const parts = word.parts ?? [];
  const known = parts.every(isKnown);
  const spelt = word.text !== word.value || parts.length > 0;
  const form = together(...parts.map(formOf));
  const tilde = word.text.startsWith("~");
  const value = known && !tilde ? word.value : undefined;
  return {
    value,
    prefix: value ?? beginOf(word),
    splits: parts.some(splits),
    spelt,
    reading: together(form, pathsOf(value ?? word.text)),
  };
}

/** An argument that is given as it is, without a shell. */
export function plainWord(value: string): ReadWord {
  return { value, prefix: value, splits: false, spelt: false, reading: pathsOf(value) };
}

function pathsOf(text: string): CommandReading {
  const secret = isSecretPath(text) ? reading("read", "reads-secret-path") : reading("read");
  return isRelative(text) ? together(secret, reading("read", "relative-path")) : secret;
}

function isKnown(part: WordPart): boolean {
  if (part.type === "Literal" || part.type === "SingleQuoted") return true;
  return part.type === "DoubleQuoted" && part.parts.every((child) => child.type === "Literal");
}

/** What surely stands at the beginning of a word with expansions. */
function beginOf(word: Word): string {
  const [first] = word.parts ?? [];
  if (first?.type !== "Literal" || (word.parts ?? []).some(isSplit))
    return word.text.startsWith("~") ? "~" : "";
  return first.value;
}

/** Unquoted, these become several words. */
function isSplit(part: WordPart): boolean {
  return (
    part.type !== "Literal" &&
    part.type !== "SingleQuoted" &&
    part.type !== "DoubleQuoted" &&
    part.type !== "Glob"
  );
}

/** Words come out of expansions without quotes, of globs, and of `"$@"`. */
function splits(part: WordPart): boolean {
  return isSplit(part) || part.type === "Glob" || (part.type === "DoubleQuoted" && part.text.includes("@"));
}

/** `sh` reads some of these otherwise than bash does, so that nobody knows what they mean until the shell is known. */
function formOf(part: WordPart): CommandReading {
  if (part.type === "DoubleQuoted") return together(...part.parts.map(formOf));
  if (part.type === "Literal" || part.type === "SingleQuoted") return reading("read");
  if (part.type === "AnsiCQuoted") return unclear("encoded", "obfuscated");
  if (part.type === "BraceExpansion" || part.type === "ExtendedGlob" || part.type === "LocaleString")
    return unclear("dynamic", "obfuscated");
  if (part.type === "ArithmeticExpansion" && !/^\$\(\([\d\s+*/%()-]*\)\)$/.test(part.text))
    return unclear("dynamic");
  if (part.type === "ParameterExpansion" && !isHarmless(part.prefix, part.operation?.type, part.text))
    return unclear("dynamic");
  return reading("read", "dynamic");
}

/** `${!x}` and `${x@P}` evaluate what a variable holds, and an index or an offset is arithmetic; `:=` sets the variable. */
function isHarmless(prefix: string | undefined, operation: string | undefined, text: string): boolean {
  if (prefix === "!" || text.includes("[")) return false;
  return (
    operation === undefined || operation === "Remove" || (operation === "Default" && !text.includes("="))
  );
}
