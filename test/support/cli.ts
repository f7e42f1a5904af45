import { fileURLToPath } from "node:url";
import { type Running, start } from "../../src/demo/run.ts";

/** What starts the CLI as a person's shell would. */
export const ihc: readonly [string, string] = [
  process.execPath,
  fileURLToPath(new URL("../../bin/ihc.js", import.meta.url)),
];

/** What a finished command has left. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** Whole environment besides PATH and NO_COLOR; give XDG folders, or the test writes into your own. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Milliseconds until the command is killed and the test fails. */
  readonly timeout?: number;
}

/** Runs `ihc …` to its end. */
export async function runCli(args: readonly string[], options: CliOptions): Promise<Finished> {
  const running = startCli(args, options);
  const code = await running.ended(options.timeout);
  return { code, stdout: running.stdout(), stderr: running.stderr() };
}

/** Starts `ihc …`; the test must `end` it. */
export function startCli(args: readonly string[], { env, input }: CliOptions): Running {
  const { PATH: searchPath = "/usr/bin:/bin" } = process.env;
  const [program, script] = ihc;
  return start(program, [script, ...args], {
    env: { PATH: searchPath, NO_COLOR: "1", ...env },
    ...(input === undefined ? {} : { input }),
  });
}
