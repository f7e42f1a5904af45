import { spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";
import { childEnvironment } from "../agent/client-help.ts";
import type { Live } from "../agent/live.ts";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { Context } from "./context.ts";

const forwarded = ["SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * Runs the command with the session in its environment and resolves with its exit code (128 + n after signal n, as shells
 * count). Secrets reach it as file paths only.
 */
export function runChild(
  context: Context,
  live: Live,
  command: readonly string[],
  stop: AbortSignal,
): Promise<number> {
  const [program = "", ...args] = command;
  const env = childEnvironment(context.io.environment(), live.session().protocol, live.help().environment);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: "inherit", env });
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    // A terminal sends Ctrl-C to the child itself; psql cancels a query with it and stays.
    const interrupt = (): void => {
      if (!process.stdin.isTTY) child.kill("SIGINT");
    };
    const end = (): void => void child.kill("SIGTERM");
    for (const signal of forwarded) process.on(signal, forward);
    process.on("SIGINT", interrupt);
    stop.addEventListener("abort", end, { once: true });
    const done = (): void => {
      for (const signal of forwarded) process.off(signal, forward);
      process.off("SIGINT", interrupt);
      stop.removeEventListener("abort", end);
    };
    child.on("error", (cause: NodeJS.ErrnoException) => {
      done();
      reject(notStarted(program, cause));
    });
    child.on("exit", (code, signal) => {
      done();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

function notStarted(program: string, cause: NodeJS.ErrnoException): IhcError {
  const why =
    cause.code === "ENOENT"
      ? "it was not found"
      : cause.code === "EACCES"
        ? "it may not be executed"
        : "it failed";
  return new IhcError("usage", `cannot run ${visible(program)}: ${why}`, {
    hint: "is it installed and on PATH?",
    cause,
  });
}
