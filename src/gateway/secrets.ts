import { execFile } from "node:child_process";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { promisify } from "node:util";
import { IhcError } from "../base/errors.ts";
import { environment } from "./config/environment.ts";

export interface SecretOptions {
  /** Where a relative `file:` path begins. */
  readonly folder: string;
  /** Lets `plain:` pass. */
  readonly dev?: boolean;
  /** Told when a secret file can be read by others. */
  readonly warn?: (message: string) => void;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** For `exec:`, milliseconds. */
  readonly timeout?: number;
}

const largest = 64 * 1024;
const run = promisify(execFile);

/**
 * The value behind `env:NAME`, `file:/path` or `exec:command arguments` (no shell; its output without one final line
 * break). Throws IhcError `config` that says which reference failed and never what it holds or printed.
 */
export async function resolveSecret(reference: string, options: SecretOptions): Promise<string> {
  const { kind, rest } = parts(reference);
  const value = await read(kind, rest, options);
  if (value === "" || value.length > largest)
    throw failed(reference, value === "" ? "is empty" : "is longer than 64 KiB");
  return value;
}

/** What of a reference may be shown: its kind and place, for `exec:` the program without arguments, for `plain:` nothing. */
export function describeSecret(reference: string): string {
  const { kind, rest } = parts(reference);
  if (kind === "plain") return "plain:(hidden)";
  return kind === "exec" ? `exec:${words(rest)[0] ?? ""}` : `${kind}:${rest}`;
}

type Kind = "env" | "file" | "exec" | "plain";

function parts(reference: string): { kind: Kind; rest: string } {
  const [, kind, rest = ""] = /^(env|file|exec|plain):(.+)$/s.exec(reference) ?? [];
  if (kind === "env" || kind === "file" || kind === "exec" || kind === "plain") return { kind, rest };
  throw new IhcError("config", "not a secret reference", {
    hint: "write env:NAME, file:/path or exec:command",
  });
}

function read(kind: Kind, rest: string, options: SecretOptions): Promise<string> | string {
  switch (kind) {
    case "env":
      return fromEnvironment(rest, options.env ?? environment);
    case "file":
      return fromFile(rest, options);
    case "exec":
      return fromCommand(rest, options);
    case "plain":
      if (options.dev) return rest;
      throw new IhcError("config", "plain: secrets are for --dev only", {
        hint: "write env:NAME, file:/path or exec:command",
      });
  }
}

function fromEnvironment(name: string, env: Readonly<Record<string, string | undefined>>): string {
  const value = env[name];
  if (value === undefined) throw failed(`env:${name}`, "is not set");
  return value;
}

async function fromFile(path: string, { folder, warn }: SecretOptions): Promise<string> {
  const absolute = resolve(folder, path);
  let file: FileHandle | undefined;
  try {
    file = await open(absolute, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) throw failed(`file:${path}`, "is not a file");
    if (stat.size > largest) throw failed(`file:${path}`, "is longer than 64 KiB");
    if ((stat.mode & 0o077) !== 0) warn?.(`file:${path} can be read by others: chmod 600 it`);
    return withoutLineBreak(await file.readFile("utf8"));
  } catch (error) {
    throw error instanceof IhcError ? error : failed(`file:${path}`, `cannot be read (${codeOf(error)})`);
  } finally {
    await file?.close();
  }
}

/** The command's output and its error output may hold the secret, so neither is kept on any error. */
async function fromCommand(line: string, options: SecretOptions): Promise<string> {
  const [program = "", ...args] = words(line);
  const file = program.includes("/") && !isAbsolute(program) ? resolve(options.folder, program) : program;
  try {
    const { stdout } = await run(file, args, {
      cwd: options.folder,
      env: options.env ?? environment,
      timeout: options.timeout ?? 10_000,
      killSignal: "SIGKILL",
      maxBuffer: largest + 2,
      shell: false,
    });
    return withoutLineBreak(stdout);
  } catch (error) {
    throw failed(`exec:${program}`, `gave no secret (${codeOf(error)})`);
  }
}

function words(line: string): readonly string[] {
  return line.split(/\s+/).filter((word) => word !== "");
}

function withoutLineBreak(text: string): string {
  return text.replace(/\r?\n$/, "");
}

/** An exit code, a signal or a system error's name; nothing that a program could have written. */
function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "unknown";
  if ("killed" in error && error.killed === true) return "took too long or said too much";
  if ("code" in error && typeof error.code === "number") return `exit code ${error.code}`;
  return "code" in error && typeof error.code === "string" ? error.code : "unknown";
}

function failed(reference: string, what: string): IhcError {
  const hint = "check the reference in ihc.yaml and the gateway's environment";
  return new IhcError("config", `secret ${describeSecret(reference)} ${what}`, { hint });
}
