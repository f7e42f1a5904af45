import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "../agent/paths.ts";
import { type Person, people } from "./people.ts";

/** One temporary folder with everything the demo writes, and a home of their own for each person. */
export interface DemoHome {
  readonly folder: string;
  /** The environment in which that person's commands run. */
  environment(person: string): Record<string, string>;
  /** The script that runs a command as that person: `ana ihc connect prod-db`, `ana psql service=prod-db`. */
  script(person: string): string;
  remove(): void;
}

/** `ihc` is the command that starts the CLI, such as node and bin/ihc.js. */
export function makeHome(
  ihc: readonly [string, ...string[]],
  environment: Environment,
  cast: readonly Person[] = people,
): DemoHome {
  const folder = mkdtempSync(join(temporary(environment), "ihc-demo-"));
  // PostgreSQL may run as another user and has to pass through; the folders below are closed, each for its owner.
  chmodSync(folder, 0o711);
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeScript(join(bin, "ihc"), `exec ${ihc.map(quoted).join(" ")} "$@"`);
  const searchPath = `${bin}:${environment["PATH"] ?? "/usr/bin:/bin"}`;
  for (const { id } of cast) {
    const own = personal(folder, id);
    for (const path of Object.values(own)) mkdirSync(path, { recursive: true, mode: 0o700 });
    const exports = Object.entries(own).map(([name, value]) => `export ${name}=${quoted(value)}`);
    const what = '[ "$#" -gt 0 ] || set -- "$SHELL"';
    writeScript(
      join(folder, id),
      [...exports, `export PATH=${quoted(searchPath)}`, what, 'exec "$@"'].join("\n"),
    );
  }
  return {
    folder,
    environment: (person) => ({ ...passedOn(environment), ...personal(folder, person), PATH: searchPath }),
    script: (person) => join(folder, person),
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

function personal(folder: string, person: string): Record<string, string> {
  const home = join(folder, "people", person);
  return {
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_STATE_HOME: join(home, "state"),
    XDG_RUNTIME_DIR: join(home, "run"),
    // Node would keep compiled code in the machine's temporary folder, which we leave as we found it.
    NODE_COMPILE_CACHE: join(home, "cache"),
  };
}

/** Sockets have short names (107 bytes), so a long TMPDIR does not do. */
function temporary(environment: Environment): string {
  const wanted = environment["TMPDIR"];
  return wanted?.startsWith("/") && wanted.length < 40 ? wanted : "/tmp";
}

/** Nothing of the caller's own login, keychain or PostgreSQL settings gets into the story. */
function passedOn(environment: Environment): Record<string, string> {
  const kept: Record<string, string> = { NO_COLOR: "1" };
  for (const name of ["LANG", "SHELL", "LC_ALL", "TZ", "TERM", "TMPDIR"]) {
    const value = environment[name];
    if (value !== undefined) kept[name] = value;
  }
  return kept;
}

function writeScript(file: string, body: string): void {
  writeFileSync(file, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
