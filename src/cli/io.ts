import process from "node:process";
import { Chalk, type ChalkInstance, type ColorSupportLevel } from "chalk";
import { visibleJson } from "../base/text.ts";

/**
 * The terminal, and the only place of the CLI that reads the environment. stdout carries data alone; progress, questions and
 * errors go to stderr. Texts that come from outside are passed through base/text by the caller before they get here.
 */
export interface Io {
  /** A line of data for a person, on stdout. */
  print(text: string): void;
  /** Data as it is, on stdout; resolves when it has been taken. */
  write(data: string | Uint8Array): Promise<void>;
  /** One JSON object on one line of stdout. */
  json(value: object): void;
  /** A line of progress or explanation, on stderr. */
  say(text: string): void;
  /** A line that changes in place while something is waited for; only on a terminal, else it is said once. */
  progress(text: string): Progress;
  readonly out: ChalkInstance;
  readonly err: ChalkInstance;
  /** Whether a question can be asked: a terminal on both ends, and nobody forbade it. */
  readonly interactive: boolean;
  /** Whether stdout is a terminal. */
  readonly terminal: boolean;
  readonly columns: number;
  readonly rows: number;
  env(name: string): string | undefined;
  /** A copy of the whole environment, for a child process. */
  environment(): Record<string, string>;
}

export interface Progress {
  update(text: string): void;
  /** Clears the line. */
  stop(): void;
}

export function terminalIo(flags: { readonly noInput: boolean }): Io {
  const { stdin, stdout, stderr, env } = process;
  const forbidden = flags.noInput || isSet(env["IHC_NO_INPUT"]) || isSet(env["CI"]);
  return {
    print: (text) => void stdout.write(`${text}\n`),
    write: (data) => new Promise((resolve) => stdout.write(data, () => resolve())),
    json: (value) => void stdout.write(`${visibleJson(value)}\n`),
    say: (text) => void stderr.write(`${text}\n`),
    progress: (text) => (stderr.isTTY && !forbidden ? spinner(stderr, text) : once(stderr, text)),
    out: new Chalk({ level: colorLevel(env, stdout.isTTY) }),
    err: new Chalk({ level: colorLevel(env, stderr.isTTY) }),
    interactive: stdin.isTTY && stderr.isTTY && !forbidden,
    terminal: stdout.isTTY,
    columns: stdout.columns || stderr.columns || 80,
    rows: stdout.rows || stderr.rows || 24,
    env: (name) => env[name],
    environment: () => {
      const copy: Record<string, string> = {};
      for (const [name, value] of Object.entries(env)) if (value !== undefined) copy[name] = value;
      return copy;
    },
  };
}

/** `0`, `false` and the empty text switch a variable off. */
function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value.toLowerCase() !== "false";
}

/** https://no-color.org wins over FORCE_COLOR; without either, colour needs a terminal that is not dumb. */
function colorLevel(env: NodeJS.ProcessEnv, tty: boolean): ColorSupportLevel {
  if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return 0;
  if (isSet(env["FORCE_COLOR"])) return 1;
  return tty && env["TERM"] !== "dumb" ? 1 : 0;
}

function once(stderr: NodeJS.WriteStream, text: string): Progress {
  stderr.write(`${text}\n`);
  return { update: () => undefined, stop: () => undefined };
}

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

function spinner(stderr: NodeJS.WriteStream, text: string): Progress {
  let shown = text;
  let turn = 0;
  const draw = (): void => {
    turn += 1;
    const line = `${frames[turn % frames.length] ?? ""} ${shown}`;
    stderr.write(`\r\u001b[2K${line.slice(0, Math.max(10, (stderr.columns || 80) - 1))}`);
  };
  draw();
  const timer = setInterval(draw, 120);
  timer.unref();
  return {
    update: (next) => {
      shown = next;
    },
    stop: () => {
      clearInterval(timer);
      stderr.write("\r\u001b[2K");
    },
  };
}
