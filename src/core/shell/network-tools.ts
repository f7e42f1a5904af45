import { getopt, optionList } from "./getopt.ts";
import { mayHave } from "./options.ts";
import { type Call, type CommandReading, type Rule, reading, unclear } from "./reading.ts";

/** Tools that ask other machines, or show and change how this one reaches them. */
export const networkTools: Readonly<Record<string, Rule>> = {
  curl,
  wget,
  nc,
  ip,
  ss: (call) =>
    mayHave(call.args, "KDF", ["kill", "diag", "filter"]) ? reading("destroy", "network") : reading("read"),
  ifconfig: ({ args }) =>
    args.some(({ value, splits }) => value === undefined && splits) ||
    args.filter(({ value }) => value === undefined || !/^-[as]$/.test(value)).length > 1
      ? reading("admin", "network")
      : reading("read"),
};

const curlOptions = optionList(
  "s S L k v i I g G 4 6 f o: w: m: H: X: silent show-error location insecure verbose include head globoff get ipv4 ipv6 fail " +
    "compressed http1.1 output: write-out: max-time: header: request: connect-timeout: retry:",
);

/** A GET of web addresses that shows what comes reads; whatever sends, writes or reads files does more. */
function curl({ args }: Call): CommandReading {
  const given = getopt(args, curlOptions);
  const plain =
    given?.options.every(({ name, value }) => value === undefined || isPlainValue(name, value.value)) &&
    given.operands.every(({ value }) => isWebAddress(value));
  return plain ? reading("read", "network") : unclear("network");
}

/** Values that begin with `@` are read from files, and `%output` writes one. */
function isPlainValue(name: string, value: string | undefined): boolean {
  if (value === undefined) return false;
  if (name === "o" || name === "output") return value === "-" || value === "/dev/null";
  if (name === "X" || name === "request") return /^(?:GET|HEAD|OPTIONS)$/.test(value);
  return !value.startsWith("@") && !value.includes("%output");
}

function isWebAddress(text: string | undefined): boolean {
  return /^(?:https?:\/\/|\d+$|[\w.-]+(?::\d+)?(?:\/|$))/i.test(text ?? "");
}

const wgetOptions = optionList(
  "q S O: T: t: Y: 4 6 quiet spider server-response no-check-certificate output-document: timeout: tries: no-verbose",
);

/** wget writes files unless it is told to print, or only to look. */
function wget({ args }: Call): CommandReading {
  const given = getopt(args, wgetOptions);
  if (!given?.operands.every(({ value }) => isWebAddress(value))) return unclear("network");
  const outputs = given.options.filter(({ name }) => name === "O" || name === "output-document");
  const looks = outputs.length > 0 || given.options.some(({ name }) => name === "spider");
  const shown = outputs.every(({ value }) => value?.value === "-" || value?.value === "/dev/null");
  return looks && shown ? reading("read", "network") : unclear("network");
}

const ncOptions = optionList("z v n u 4 6 w:");

/** `nc -z` looks whether a port is open; without it, nobody knows what is said there. */
function nc({ args }: Call): CommandReading {
  const given = getopt(args, ncOptions);
  return given?.options.some(({ name }) => name === "z") ? reading("read", "network") : unclear("network");
}

const ipOptions =
  /^-(?:s|stats|statistics|d|details|4|6|o|oneline|br|brief|c|color|h|human|j|json|p|pretty|r|t)$/;
const ipObjects =
  /^(?:a|addr|address|l|link|r|route|ro|ru|rule|n|neigh|neighbor|neighbour|maddr|maddress|tunnel|netns)$/;

/** ip takes any beginning of a word for it: only what is written out is a question. */
function ip({ args }: Call): CommandReading {
  const at = args.findIndex(({ value }) => value === undefined || !ipOptions.test(value));
  if (at < 0) return reading("read");
  const [object, command, ...rest] = args
    .slice(at)
    .map(({ value, splits }) => (splits ? undefined : (value ?? "?")));
  const known = object !== undefined && ipObjects.test(object) && rest.every((word) => word !== undefined);
  const asks = command === undefined ? args.length === at + 1 : /^(?:show|list|ls|lst|get)$/.test(command);
  return known && asks ? reading("read") : reading("admin", "network");
}
