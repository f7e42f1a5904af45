import { constants as access, accessSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { StringDecoder } from "node:string_decoder";
import type { TerminalTrack } from "./terminal-track.ts";

export interface TerminalCommand {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Ends the command. */
  readonly stop: AbortSignal;
}

type Pty = typeof import("@lydell/node-pty");

/** The library is optional, and native: undefined where it is missing or does not load. */
export async function loadPty(): Promise<Pty | undefined> {
  try {
    return await import("@lydell/node-pty");
  } catch {
    return undefined;
  }
}

const forwarded = ["SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * Runs the command in a pseudoterminal of its own and shows it in ours, byte for byte, so that it can be recorded. Resolves
 * with its exit code. Throws NodeJS.ErrnoException ENOENT or EACCES for a program that cannot be run.
 */
export function runInTerminal(
  pty: Pty,
  { command, env, stop }: TerminalCommand,
  track: TerminalTrack,
): Promise<number> {
  const [program = "", ...args] = command;
  const size = (): { cols: number; rows: number } => ({
    cols: process.stdout.columns || 80,
    rows: process.stdout.rows || 24,
  });
  const { cols, rows } = size();
  const child = pty.spawn(findProgram(program, env["PATH"] ?? ""), args, {
    name: env["TERM"] ?? "xterm-256color",
    cols,
    rows,
    env: { ...env },
    cwd: process.cwd(),
    encoding: null,
  });
  track.resize(cols, rows);
  child.onData((data: string | Buffer) => {
    const bytes = Buffer.from(data);
    track.output("out", bytes);
    if (process.stdout.write(bytes)) return;
    child.pause();
    process.stdout.once("drain", () => child.resume());
  });
  // The library takes text: a character may come in two halves.
  const decoder = new StringDecoder("utf8");
  const type = (bytes: Buffer): void => child.write(decoder.write(bytes));
  const resized = (): void => {
    const now = size();
    child.resize(now.cols, now.rows);
    track.resize(now.cols, now.rows);
  };
  const pass = (signal: NodeJS.Signals): void => child.kill(signal);
  const end = (): void => child.kill("SIGTERM");
  process.stdin.setRawMode(true);
  process.stdin.on("data", type);
  process.stdout.on("resize", resized);
  for (const signal of forwarded) process.on(signal, pass);
  stop.addEventListener("abort", end, { once: true });
  return new Promise((resolve) => {
    child.onExit(({ exitCode, signal }) => {
      process.stdin.off("data", type);
      process.stdin.setRawMode(false);
      process.stdin.pause();
      process.stdout.off("resize", resized);
      for (const name of forwarded) process.off(name, pass);
      stop.removeEventListener("abort", end);
      resolve(signal ? 128 + signal : exitCode);
    });
  });
}

/** The library does not say why a program did not start, so it is found here, as execvp would. */
function findProgram(program: string, path: string): string {
  const places = program.includes("/")
    ? [program]
    : path.split(delimiter).map((folder) => join(folder, program));
  let code = "ENOENT";
  for (const place of places)
    try {
      accessSync(place, access.X_OK);
      return place;
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EACCES") code = "EACCES";
    }
  throw Object.assign(new Error(`cannot run ${program}`), { code });
}
