import process from "node:process";
import type { Invocation } from "./options.ts";
import { tree } from "./tree/all.ts";
import type { Run } from "./tree/define.ts";

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
  const context = makeContext(
    io,
    { ...global, profile: typed.text("profile"), gateway: typed.text("gateway") },
    interrupt.signal,
  );
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
  return (
    error.code === "commander.helpDisplayed" ||
    error.code === "commander.help" ||
    error.code === "commander.version"
  );
}

function beforeDashes(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  return end < 0 ? argv : argv.slice(0, end);
}
