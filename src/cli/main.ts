// Imports nothing eagerly, so that `ihc --version` costs what an empty script costs.
import process from "node:process";

// Node opens its inspector on SIGUSR1, which would hand the session's secrets to whoever may signal us.
process.on("SIGUSR1", () => process.stderr.write("ihc: SIGUSR1 ignored\n"));

// A reader that goes away early (`ihc targets | head -1`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
process.stderr.on("error", () => process.exit(1));

const argv = process.argv.slice(2);
if (argv.length === 1 && (argv[0] === "--version" || argv[0] === "-V")) {
  const { version } = await import("./version.ts");
  process.stdout.write(`${version()}\n`);
} else {
  const { run } = await import("./program.ts");
  process.exitCode = await run(argv);
}
