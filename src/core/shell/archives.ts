import { getopt, optionList } from "./getopt.ts";
import { mayHave } from "./options.ts";
import { type Argument, type Call, type CommandReading, reading, unclear } from "./reading.ts";

/** Archives that are read or written to stdout, by programs that are part of every tar. */
const tarOptions = optionList(
  "c t v z j J h p P S f: C: create list verbose gzip bzip2 xz zstd dereference absolute-names sparse numeric-owner " +
    "no-recursion one-file-system totals file: directory: exclude: wildcards",
);

/** `tar` with or without the dash before its first letters. `tar cf - path` is what kubectl cp runs to read. */
export function tar({ args: all }: Call): CommandReading {
  const [first, ...rest] = all;
  if (first?.value === undefined) return unclear("archive");
  // Letters without a dash take their values in turn from the words behind, which getopt does for the last of them only.
  if (/^[^-].*[fC]./.test(first.value)) return unclear("archive");
  const args = first.value.startsWith("-") ? all : [dashed(first), ...rest];
  if (mayHave(args, "", ["remove-files", "delete"])) return reading("destroy", "archive", "writes-file");
  const given = getopt(args, tarOptions);
  if (given === undefined)
    return mayExtract(args) ? reading("write", "archive", "writes-file") : unclear("archive");
  const archives = given.options.flatMap(({ name, value }) =>
    name === "f" || name === "file" ? [value?.value] : [],
  );
  // `host:path` is fetched with rsh; of several archives one is written.
  const [archive] = archives;
  if (archives.length > 1 || (archives.length === 1 && (archive === undefined || archive.includes(":"))))
    return unclear("archive", "network");
  const lists = given.options.some(({ name }) => name === "t" || name === "list");
  const creates = given.options.some(({ name }) => name === "c" || name === "create");
  if (lists !== creates && (lists || archive === "-")) return reading("read", "archive");
  return creates ? reading("write", "archive", "writes-file") : unclear("archive");
}

function dashed({ value, splits }: Argument): Argument {
  const word = `-${value ?? ""}`;
  return { value: word, prefix: word, splits };
}

const extracting = optionList(
  "x v z j J k m o p P f: C: extract get verbose gzip bzip2 xz zstd keep-old-files file: directory: strip-components: " +
    "no-same-owner no-same-permissions touch warning:",
);

function mayExtract(args: readonly Argument[]): boolean {
  const given = getopt(args, extracting);
  return given?.options.every(({ value }) => !value?.value?.includes(":")) ?? false;
}
