import { forEachChild, type ParsedScript, parse, type Redirection, type SyntaxNode } from "unbash";
import { programName, ruleOf } from "./programs.ts";
import {
  type Argument,
  type Call,
  type CommandReading,
  type CommandTrait,
  reading,
  together,
  unclear,
} from "./reading.ts";
import { plainWord, type ReadWord, readWord } from "./words.ts";

const longest = 64 * 1024;
const deepest = 8;
const mostNodes = 10_000;

/** Reads a text as a POSIX shell or bash would run it. Never throws for what the text says. */
export function readCommandLine(text: string): CommandReading {
  return finish(readScript(text, { depth: 0, nodes: 0 }));
}

/** Reads a command that is started without a shell, as by an exec of Kubernetes. */
export function readCommand(argv: readonly string[]): CommandReading {
  const budget = { depth: 0, nodes: 0 };
  if (argv.length === 0 || argv.join(" ").length > longest || argv.some(isHidden)) return unclear();
  return finish(together(reading("read", "plain"), readWords(argv.map(plainWord), budget)));
}

/** What is left of the work one text may cost. */
interface Budget {
  readonly depth: number;
  nodes: number;
}

/** `plain` is only for what has no other word to say about its form. */
function finish(read: CommandReading): CommandReading {
  const plain = read.programs.length === 1 && !read.traits.some((trait) => notPlain.has(trait));
  return plain ? read : { ...read, traits: read.traits.filter((trait) => trait !== "plain") };
}

const notPlain: ReadonlySet<CommandTrait> = new Set<CommandTrait>([
  "unclear",
  "dynamic",
  "relative-path",
  "obfuscated",
  "encoded",
  "shell-escape",
  "background",
  "sets-environment",
]);

/** Control characters but tab and line feed, lone surrogates, and what is invisible or turns the direction of text. */
function isHidden(text: string): boolean {
  return !text.isWellFormed() || /[^\P{C}\t\n]|[\u2028\u2029\u00a0]/u.test(text);
}

function readScript(text: string, budget: Budget): CommandReading {
  if (text.length > longest || budget.depth > deepest) return unclear();
  if (isHidden(text)) return unclear("obfuscated");
  const script = parse(text);
  const read = readNode(script, { depth: budget.depth + 1, nodes: budget.nodes });
  return isOneCommand(script) ? together(read, reading("read", "plain")) : read;
}

function isOneCommand({ commands }: ParsedScript): boolean {
  const [only, ...more] = commands;
  if (!only || more.length > 0 || only.command.type !== "Command") return false;
  const { prefix, suffix, name } = only.command;
  const words = [name, ...suffix].every((word) => word?.type === "Word" && !readWord(word).spelt);
  return words && prefix.length === 0;
}

/** Kinds of nodes that only hold others. All that are neither here nor read below are unclear. */
const holders: ReadonlySet<string> = new Set([
  "Script",
  "Statement",
  "CompoundList",
  "AndOr",
  "Pipeline",
  "Negation",
  "Time",
  "Subshell",
  "BraceGroup",
  "If",
  "Elif",
  "While",
  "Case",
  "CaseItem",
  "Redirected",
  "TestCommand",
  "TestNot",
  "HereDocDelimiter",
  "HereDocBody",
  "FileDescriptor",
  "Default",
  "Remove",
  "ArithmeticBinary",
  "ArithmeticUnary",
  "ArithmeticGroup",
  "ArithmeticWord",
]);

/** Parts of words: what their form means is read with the word, so only what they hold is looked at. */
const parts: ReadonlySet<string> = new Set([
  "Literal",
  "Glob",
  "SingleQuoted",
  "DoubleQuoted",
  "AnsiCQuoted",
  "LocaleString",
  "SimpleExpansion",
  "ParameterExpansion",
  "CommandExpansion",
  "ArithmeticExpansion",
  "ProcessSubstitution",
  "BraceExpansion",
  "ExtendedGlob",
]);

function readNode(node: SyntaxNode, budget: Budget): CommandReading {
  budget.nodes++;
  if (budget.nodes > mostNodes) return unclear();
  const found: CommandReading[] = [readHere(node, budget)];
  forEachChild(node, (child) => {
    if (budget.nodes <= mostNodes) found.push(readNode(child, budget));
  });
  return together(...found);
}

function readHere(node: SyntaxNode, budget: Budget): CommandReading {
  switch (node.type) {
    case "Script":
      return (node as ParsedScript).errors?.length ? unclear() : reading("read");
    case "Statement":
      return node.background ? reading("read", "background", "survives") : reading("read");
    case "Command":
      return readSimple(node, budget);
    case "Word":
      return readWord(node).reading;
    case "Assignment":
      return readAssignment(node.text, node.name);
    case "Redirect":
    case "HereString":
    case "HereDoc":
      return readRedirect(node);
    case "For":
      return readAssignment(`${node.name.text}=`, node.name.text);
    case "TestUnary":
      return /^-[a-zA-Z]$/.test(node.operator) && !/[vR]/.test(node.operator) ? reading("read") : unclear();
    case "TestBinary":
      return ["=", "==", "!="].includes(node.operator) ? reading("read") : unclear();
    case "CommandExpansion":
    case "ProcessSubstitution":
      return node.script === undefined ? unclear("dynamic") : reading("read", "dynamic");
    default:
      return holders.has(node.type) || parts.has(node.type) ? reading("read") : unclear();
  }
}

/** Names that change nothing but language, time zone and looks. */
const harmlessNames = /^(LANG|LC_[A-Z]+|TZ|TERM|COLUMNS|LINES|NO_COLOR|[a-z][a-z0-9]{0,15})$/;

/** Variables of capital letters change how programs behave, and which ones are found: PATH, IFS, LD_PRELOAD, BASH_ENV. */
function readAssignment(text: string, name: string): CommandReading {
  const plain = text.startsWith(`${name}=`) && harmlessNames.test(name);
  return plain ? reading("read", "dynamic") : unclear("sets-environment");
}

type SimpleCommand = Extract<SyntaxNode, { type: "Command" }>;

function readSimple(command: SimpleCommand, budget: Budget): CommandReading {
  if (!command.name) return reading("read");
  const words = [command.name, ...command.args].map((word) =>
    word.type === "Word" ? readWord(word) : undefined,
  );
  const known = words.filter((word): word is ReadWord => word !== undefined);
  return known.length === words.length ? readWords(known, budget) : unclear("sets-environment");
}

function readWords(words: readonly ReadWord[], budget: Budget): CommandReading {
  const [name, ...args] = words;
  const read = together(...words.map((word) => word.reading));
  if (name?.value === undefined) return together(read, unclear("dynamic", "shell-escape"));
  const run = runProgram(name.value, args, budget);
  return name.spelt ? together(read, run, reading("read", "obfuscated")) : together(read, run);
}

function runProgram(word: string, args: readonly Argument[], budget: Budget): CommandReading {
  const name = programName(word);
  const rule = ruleOf(name);
  const started: CommandReading = { effect: "read", traits: [], programs: [name] };
  if (rule === undefined || budget.depth > deepest) return together(started, unclear());
  if (typeof rule === "string") return together(started, reading(rule));
  const deeper = { depth: budget.depth + 1, nodes: budget.nodes };
  const call: Call = {
    name,
    args,
    run: (inner) => runInner(inner, deeper),
    script: (text) => readScript(text, deeper),
  };
  return together(started, rule(call));
}

function runInner([name, ...args]: readonly Argument[], budget: Budget): CommandReading {
  return name?.value === undefined
    ? unclear("dynamic", "shell-escape")
    : runProgram(name.value, args, budget);
}

const harmlessTargets = /^\/dev\/(null|stdout|stderr|fd\/[12])$/;
const systemTargets = /^\/(etc|proc|sys|dev|boot|usr|s?bin|lib\w*|root)(\/|$)/;

function readRedirect(redirect: Redirection): CommandReading {
  if (redirect.descriptor?.type === "FileDescriptorVariable") return unclear();
  if (redirect.type !== "Redirect") return reading("read", "dynamic");
  const target = redirect.target && readWord(redirect.target);
  if (/^\/dev\/(tcp|udp)/.test(target?.prefix ?? "")) return unclear("network", "shell-escape");
  const known = target?.value;
  switch (redirect.operator) {
    case ">&":
    case "<&":
      return /^(\d|-)$/.test(known ?? "")
        ? reading("read", "dynamic")
        : readTarget(target, redirect.operator === "<&");
    default:
      return readTarget(target, redirect.operator === "<");
  }
}

function readTarget(target: Argument | undefined, reads: boolean): CommandReading {
  const known = target?.value;
  // A name that begins nobody knows how may be /dev/tcp.
  if (reads && target?.prefix === "" && known === undefined) return unclear("dynamic", "network");
  if (reads) return reading("read", "dynamic");
  if (known === undefined) return unclear("writes-file");
  if (harmlessTargets.test(known)) return reading("read", "dynamic");
  return reading(systemTargets.test(known) ? "admin" : "write", "writes-file", "dynamic");
}
