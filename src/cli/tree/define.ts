import type { Command } from "commander";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

/** What a file in commands/ exports as `run`. Resolves with an exit code when it is not 0. */
export type Run = (context: Context, typed: Invocation) => Promise<number | undefined>;

/** Finishes one command: global options, and an action that imports its file only when it is run. */
export type Finish = (command: Command, load: () => Promise<{ readonly run: Run }>) => void;

/** Examples under a command's help, the way gh writes them. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText("after", `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}`);
}
