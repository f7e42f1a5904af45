import process from "node:process";
import { Command } from "commander";
import type { Context } from "./context.ts";
import { type Invocation, invocation } from "./options.ts";
import { addCommands } from "./tree/all.ts";

/** What a file in commands/ exports as `run`. Resolves with an exit code when it is not 0. */
export type Run = (context: Context, typed: Invocation) => Promise<number | undefined>;

interface Global {
  readonly json: boolean;
  readonly verbose: boolean;
  readonly noInput: boolean;
}

/** Runs one command line and resolves with the exit code. */
export async function run(argv: readonly string[]): Promise<number> {
  const [first] = argv;
  if (first === "__complete" || first === "__docs") {
    const { runHidden } = await import("./hidden.ts");
    return await runHidden(first, argv.slice(1));
  }
  let exit = 0;
  const program = tree((load) => async (typed, global) => {
    exit = await execute(load, typed, global);
  });
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync([...argv], { from: "user" });
    return exit;
  } catch (error) {
    if (isHelp(error)) return 0;
    const { terminalIo } = await import("./io.ts");
    const { report } = await import("./failure.ts");
    const json = beforeDashes(argv).includes("--json");
    return report(error, terminalIo({ noInput: true }), { json, verbose: false });
  }
}

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
    .option("--json", "print JSON for programs: one object per line, each with \"v\":1")
    .option("--no-input", "never ask anything")
    .option("--verbose", "say more about errors");
}

async function execute(
  load: () => Promise<{ readonly run: Run }>,
  typed: Invocation,
  options: Record<string, unknown>,
): Promise<number> {
  const global: Global = {
    json: options["json"] === true,
    verbose: options["verbose"] === true,
    noInput: options["input"] === false,
  };
  const [{ terminalIo }, { makeContext }] = await Promise.all([import("./io.ts"), import("./context.ts")]);
  const io = terminalIo(global);
  const interrupt = new AbortController();
  const stop = (): void => interrupt.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop).on("SIGHUP", stop);
  const context = makeContext(io, { ...global, profile: typed.text("profile"), gateway: typed.text("gateway") }, interrupt.signal);
  try {
    const { run: command } = await load();
    return (await command(context, typed)) ?? 0;
  } catch (error) {
    const { report } = await import("./failure.ts");
    return report(error, io, global);
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop).off("SIGHUP", stop);
    await context.close();
  }
}

function isHelp(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return error.code === "commander.helpDisplayed" || error.code === "commander.help" || error.code === "commander.version";
}

function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  return end < 0 ? argv : argv.slice(0, end);
}
