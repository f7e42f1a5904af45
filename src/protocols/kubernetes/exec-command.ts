import { IhcError } from "../../base/errors.ts";
import { worst } from "../../core/session/operation.ts";
import type { CommandReading } from "../../core/shell/reading.ts";
import type { ShellInput } from "../../core/shell/worker.ts";
import type { Parser } from "../protocol.ts";
import type { KubernetesOperation } from "./operation.ts";

/** The module that a parser runs; `handle(input)` answers with a CommandReading. */
const shellWorker = new URL(
  import.meta.url.endsWith(".ts") ? "../../core/shell/worker.ts" : "../../core/shell/worker.js",
  import.meta.url,
);

/**
 * An exec with what its command would do, as the shell's grammar has it: effect, traits and `context.programs`. To be in a
 * container is more than to read from the API, so no exec is less than a write; the trait `reads-only` says that its command
 * only reads. What cannot be read, or has no command, stays unknown.
 */
export async function withCommand(
  operation: KubernetesOperation,
  parser: Parser,
): Promise<KubernetesOperation> {
  if (operation.kind !== "exec") return operation;
  const argv = operation.info.parameters.flatMap(([key, value]) => (key === "command" ? [value] : []));
  const { effect, traits, programs } = await read(argv, parser);
  const only = effect === "read" ? ["reads-only"] : [];
  return {
    ...operation,
    effect: worst("write", effect),
    traits: [...new Set([...operation.traits, ...traits, ...only])],
    attributes: { ...operation.attributes, command: commandText(argv), programs },
  };
}

/** The command as one would type it: words with anything but plain characters are quoted. */
export function commandText(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(" ");
}

async function read(argv: readonly string[], parser: Parser): Promise<CommandReading> {
  try {
    return (await parser.call(shellWorker, { argv } satisfies ShellInput)) as CommandReading;
  } catch (error) {
    if (error instanceof IhcError) return { effect: "unknown", traits: ["unclear"], programs: [] };
    throw error;
  }
}
