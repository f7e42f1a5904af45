import { Command } from "commander";
import { type Invocation, invocation } from "../options.ts";
import { addAccess } from "./access.ts";
import type { Finish, Run } from "./define.ts";
import { addEvidence } from "./evidence.ts";
import { addIdentity } from "./identity.ts";
import { addOperator } from "./operator.ts";
import { addSession } from "./session.ts";

export type Perform = (typed: Invocation, global: Record<string, unknown>) => Promise<void>;

/** The whole commander tree; `perform` makes what a command does out of the import of its file. */
export function tree(perform: (load: () => Promise<{ readonly run: Run }>) => Perform): Command {
  const program = new Command("ihc")
    .description("Incident access to production that is short-lived, approved, guarded, masked and recorded.")
    .version("", "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .helpCommand("help [command]", "show help for a command");
  addCommands(program, (command, load) => {
    const performed = perform(load);
    addGlobalOptions(command).action(async () => {
      const options: Record<string, unknown> = command.optsWithGlobals();
      await performed(invocation(command.args, options), options);
    });
  });
  return addGlobalOptions(program);
}

function addGlobalOptions(command: Command): Command {
  return command
    .option("--profile <name>", "which gateway to use, by its name in ihc profile list")
    .option("--gateway <url>", "which gateway to use, by its address")
    .option("--json", 'print JSON for programs: one object per line, each with "v":1')
    .option("--no-input", "never ask anything")
    .option("--verbose", "say more about errors");
}

/** Every command, in the order in which help shows them. */
function addCommands(program: Command, finish: Finish): void {
  addIdentity(program, finish);
  addSession(program, finish);
  addAccess(program, finish);
  addEvidence(program, finish);
  addOperator(program, finish);
}
