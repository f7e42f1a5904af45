import { randomBytes } from "node:crypto";
import { readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { IhcError } from "../base/errors.ts";
import { privateFolder } from "./paths.ts";

/** One service entry in the person's own ~/.pg_service.conf, so that `psql service=prod-db` works in any terminal. */
export interface Service {
  readonly home: string;
  /** For the lock between ihc processes. */
  readonly runtime: string;
  readonly name: string;
  /** `key=value` lines without secrets; the passfile is named by its path. */
  readonly lines: readonly string[];
}

/**
 * Puts the entry between two marks, and touches nothing else in the file. False when the person has an entry of that name
 * already, which stays as it is.
 */
export async function installService(service: Service): Promise<boolean> {
  return await changed(service, (text) => {
    const rest = without(text, service.name);
    if (new RegExp(`^\\s*\\[${literal(service.name)}\\]`, "m").test(rest)) return undefined;
    const gap = rest === "" || rest.endsWith("\n") ? "" : "\n";
    const block = [
      begin(service.name),
      `[${service.name}]`,
      ...service.lines.map(oneLine),
      end(service.name),
    ];
    return `${rest}${gap}${block.join("\n")}\n`;
  });
}

/** Takes the entry out again, if it still is the one that was put in. */
export async function removeService(service: Service): Promise<boolean> {
  return await changed(service, (text) =>
    service.lines.every((line) => blockOf(text, service.name).includes(oneLine(line)))
      ? without(text, service.name)
      : undefined,
  );
}

async function changed(
  { home, runtime }: Service,
  change: (text: string) => string | undefined,
): Promise<boolean> {
  const { default: lockfile } = await import("proper-lockfile");
  const release = await lockfile.lock(join(await privateFolder(runtime), "pg_service"), {
    realpath: false,
    retries: { retries: 50, factor: 1, minTimeout: 50, maxTimeout: 100 },
  });
  try {
    // Followed, because dotfiles are often links into a repository.
    const path = await realpath(join(home, ".pg_service.conf")).catch(() => join(home, ".pg_service.conf"));
    const text = await readFile(path, "utf8").catch(absent);
    const next = change(text ?? "");
    if (next === undefined) return false;
    if (next === text) return true;
    await replace(path, next);
    return true;
  } finally {
    await release();
  }
}

async function replace(path: string, text: string): Promise<void> {
  if (text === "") return await rm(path, { force: true });
  const mode = (await stat(path).catch(() => undefined))?.mode ?? 0o600;
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(draft, text, { flag: "wx", mode: mode & 0o777 });
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new IhcError("storage", `cannot write ${path}`, { cause });
  }
}

function begin(name: string): string {
  return `# ihc connect ${name}: begin (removed when the connection ends)`;
}

function end(name: string): string {
  return `# ihc connect ${name}: end`;
}

function block(name: string): RegExp {
  return new RegExp(`^${literal(begin(name))}\\n[\\s\\S]*?^${literal(end(name))}\\n`, "m");
}

function blockOf(text: string, name: string): string {
  return block(name).exec(text)?.[0] ?? "";
}

function without(text: string, name: string): string {
  return text.replace(block(name), "");
}

function oneLine(line: string): string {
  return line.replaceAll(/[\r\n]/g, " ");
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === "ENOENT") return undefined;
  throw new IhcError("storage", "cannot read ~/.pg_service.conf", { cause: error });
}
