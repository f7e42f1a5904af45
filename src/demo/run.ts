import { spawn } from "node:child_process";
import { once } from "node:events";
import { IhcError } from "../base/errors.ts";
import { endChild } from "./part.ts";

/** One command, running or done. */
export interface Running {
  readonly pid: number | undefined;
  /** Both streams in the order in which they arrived. */
  output(): string;
  stdout(): string;
  stderr(): string;
  /** Resolves with the match once the output has it; throws IhcError `unavailable` at the end of the command or of the time. */
  until(pattern: RegExp, ms?: number): Promise<RegExpExecArray>;
  /** The exit code, or 128 and the signal's number as a shell would say. Kills and throws after `ms`. */
  ended(ms?: number): Promise<number>;
  end(signal?: NodeJS.Signals): Promise<void>;
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Written to standard input, which is closed after it. */
  readonly input?: string;
  readonly cwd?: string;
}

const patience = 30_000;

/** Starts a command without a terminal and keeps what it says. */
export function start(program: string, args: readonly string[], options: RunOptions): Running {
  const child = spawn(program, args, {
    env: { ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  const said = { all: "", out: "", err: "" };
  const listeners = new Set<() => void>();
  const heard = (which: "out" | "err") => (text: string) => {
    said[which] += text;
    said.all += text;
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding("utf8").on("data", heard("out"));
  child.stderr.setEncoding("utf8").on("data", heard("err"));
  child.stdin.on("error", () => child.stdin.destroy()); // It may end without reading.
  child.stdin.end(options.input ?? "");
  const closed = once(child, "close").then(([code, signal]) => exitCode(code, signal));
  closed.catch(() => undefined); // Told by `ended` and `until`.
  const title = [program.split("/").at(-1), ...args].join(" ").slice(0, 120);

  return {
    pid: child.pid,
    output: () => said.all,
    stdout: () => said.out,
    stderr: () => said.err,
    end: (signal) => endChild(child, signal),
    until: (pattern, ms = patience) =>
      new Promise((resolve, reject) => {
        const finish = (settle: () => void) => {
          clearTimeout(timer);
          listeners.delete(look);
          settle();
        };
        const look = () => {
          const found = pattern.exec(said.all);
          if (found !== null) finish(() => resolve(found));
        };
        const fail = (why: string) =>
          finish(() => reject(unexpected(title, `${why} without ${pattern}`, said.all)));
        const timer = setTimeout(() => fail(`waited ${ms} ms`), ms);
        listeners.add(look);
        closed.then(
          (code) => {
            look();
            if (listeners.has(look)) fail(`ended with ${code}`);
          },
          (error: unknown) => fail(String(error)),
        );
        look();
      }),
    ended: async (ms = patience) => {
      const timer = setTimeout(() => child.kill("SIGKILL"), ms);
      const late = AbortSignal.timeout(ms);
      const code = await closed.finally(() => clearTimeout(timer));
      if (late.aborted) throw unexpected(title, `did not end within ${ms} ms`, said.all);
      return code;
    },
  };
}

function exitCode(code: unknown, signal: unknown): number {
  if (typeof code === "number") return code;
  const numbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
  return 128 + (numbers[String(signal)] ?? 0);
}

function unexpected(title: string, why: string, output: string): IhcError {
  return new IhcError("unavailable", `${title}: ${why}; it said: ${output.trim().slice(-2000)}`);
}
