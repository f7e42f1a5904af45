import { type ChildProcess, spawn } from "node:child_process";
import { fstatSync } from "node:fs";
import { constants } from "node:os";
import process from "node:process";
import type { Readable } from "node:stream";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import { loadPty, runInTerminal, type TerminalCommand } from "./pty.ts";
import type { TerminalTrack } from "./terminal-track.ts";

export interface Child extends TerminalCommand {
  /** Records what the terminal shows; undefined when nothing is to be recorded. */
  readonly track: TerminalTrack | undefined;
}

const forwarded = ["SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * Runs the command and resolves with its exit code (128 + n after signal n, as shells count). What it shows is recorded: in a
 * terminal through a pseudoterminal, else by copying its pipes. Output that goes into a file is not read.
 */
export async function runChild(child: Child): Promise<number> {
  const { track, command } = child;
  const [program = ""] = command;
  try {
    if (track && process.stdin.isTTY && process.stdout.isTTY) {
      const pty = await loadPty();
      if (pty) return await runInTerminal(pty, child, track);
      track.note("the terminal was not recorded: its library is missing (@lydell/node-pty)");
    }
    return await runPlainly(child);
  } catch (error) {
    throw notStarted(program, error);
  }
}

function runPlainly({ command, env, stop, track }: Child): Promise<number> {
  const [program = "", ...args] = command;
  const copied = {
    out: track !== undefined && isCopied(1, track),
    err: track !== undefined && isCopied(2, track),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["inherit", copied.out ? "pipe" : "inherit", copied.err ? "pipe" : "inherit"],
      env,
    });
    const done = forward(child, stop);
    if (track) {
      copy(child.stdout, process.stdout, (bytes) => track.output("out", bytes));
      copy(child.stderr, process.stderr, (bytes) => track.output("err", bytes));
    }
    child.on("error", (cause) => {
      done();
      reject(cause);
    });
    // After its pipes have closed: the last words of a child come after its exit.
    child.on("close", (code, signal) => {
      done();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** Passes signals on; the way to stop that. */
function forward(child: ChildProcess, stop: AbortSignal): () => void {
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  // A terminal sends Ctrl-C to the child itself; psql cancels a query with it and stays.
  const interrupt = (): void => {
    if (!process.stdin.isTTY) child.kill("SIGINT");
  };
  const end = (): void => void child.kill("SIGTERM");
  for (const signal of forwarded) process.on(signal, pass);
  process.on("SIGINT", interrupt);
  stop.addEventListener("abort", end, { once: true });
  return () => {
    for (const signal of forwarded) process.off(signal, pass);
    process.off("SIGINT", interrupt);
    stop.removeEventListener("abort", end);
  };
}

/** Pipes and sockets are copied; a terminal keeps its child, and a file may be an export of any size. */
function isCopied(fd: 1 | 2, track: TerminalTrack): boolean {
  const name = fd === 1 ? "stdout" : "stderr";
  try {
    const found = fstatSync(fd);
    if (found.isFIFO() || found.isSocket()) return true;
    track.note(`${name} was not recorded: it is ${found.isFile() ? "a file" : "not a pipe"}`);
  } catch {
    track.note(`${name} was not recorded: it is closed`);
  }
  return false;
}

/** As a pipe, at the pace of the reader; a reader that has gone ends the writer, as without us. */
function copy(from: Readable | null, to: NodeJS.WriteStream, tell: (bytes: Buffer) => void): void {
  from?.on("data", (bytes: Buffer) => {
    tell(bytes);
    if (to.write(bytes)) return;
    from.pause();
    to.once("drain", () => from.resume());
  });
}

function notStarted(program: string, cause: unknown): IhcError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  const why =
    code === "ENOENT" ? "it was not found" : code === "EACCES" ? "it may not be executed" : "it failed";
  return new IhcError("usage", `cannot run ${visible(program)}: ${why}`, {
    hint: "is it installed and on PATH?",
    cause,
  });
}
