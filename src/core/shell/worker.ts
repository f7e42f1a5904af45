import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import { readCommand, readCommandLine } from "./command-line.ts";
import type { CommandReading } from "./reading.ts";

/** What the parser worker is asked: a text for a shell, or words that are started without one. */
export type ShellInput = { readonly line: string } | { readonly argv: readonly string[] };

const inputs = z.union([z.strictObject({ line: z.string() }), z.strictObject({ argv: z.array(z.string()) })]);

/** Runs in the parser worker. A grammar that fails there is replaced with the worker, and the command refused. */
export function handle(input: unknown): CommandReading {
  const parsed = inputs.safeParse(input);
  if (!parsed.success) throw new IhcError("invalid", "a command must be text or a list of words");
  return "line" in parsed.data ? readCommandLine(parsed.data.line) : readCommand(parsed.data.argv);
}
