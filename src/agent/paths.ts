import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { IhcError } from "../base/errors.ts";

/** The variables of a process, handed in by whoever may read them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Where the laptop side keeps things (XDG base directories). The folders are made and checked by `privateFolder`. */
export interface AgentPaths {
  /** What a person edits: profiles. */
  readonly config: string;
  /** What must outlive a reboot: sealed tokens, remembered ports, journals not uploaded yet. */
  readonly state: string;
  /** Sockets, pid files and session secrets: gone with the login session where the system provides such a folder. */
  readonly runtime: string;
}

/**
 * Relative XDG values are ignored, as the specification asks. Without XDG_RUNTIME_DIR the runtime folder lies under the
 * state folder: a predictable name in a shared folder such as /tmp could be taken by somebody else first.
 */
export function agentPaths(env: Environment): AgentPaths {
  const home = absolute(env["HOME"]) ?? homedir();
  const state = join(absolute(env["XDG_STATE_HOME"]) ?? join(home, ".local", "state"), "ihc");
  const runtime = absolute(env["XDG_RUNTIME_DIR"]);
  return {
    config: join(absolute(env["XDG_CONFIG_HOME"]) ?? join(home, ".config"), "ihc"),
    state,
    runtime: runtime === undefined ? join(state, "run") : join(runtime, "ihc"),
  };
}

/**
 * Makes the folder (0700, parents too) and checks it: a real folder, ours, closed to everybody else.
 * Throws IhcError `config` otherwise, because secrets are about to be put there. Returns the path.
 */
export async function privateFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  if (!found.isDirectory()) throw unsafe(path, "is not a folder", "move it away");
  refuseForeign(path, found);
  return path;
}

/** The file's bytes, undefined when there is none. A link, a foreign file or one open to others is refused (`config`). */
export async function readPrivate(path: string): Promise<Buffer | undefined> {
  const file = await openNoFollow(path);
  if (file === undefined) return undefined;
  try {
    const found = await file.stat();
    if (!found.isFile()) throw unsafe(path, "is not a plain file", "remove it");
    refuseForeign(path, found);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Replaces the file in one step (0600): a reader sees the old bytes or the new ones, also after a power cut. */
export async function writePrivate(path: string, content: Uint8Array | string): Promise<void> {
  await privateFolder(dirname(path));
  const draft = `${path}.${randomBytes(6).toString("hex")}`;
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  try {
    const file = await open(draft, flags, 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    throw new IhcError("storage", `cannot write ${path}`, {
      cause,
      hint: "check free space and permissions",
    });
  }
}

export async function removePrivate(path: string): Promise<void> {
  await rm(path, { force: true });
}

async function openNoFollow(path: string): Promise<FileHandle | undefined> {
  try {
    // O_NONBLOCK: a FIFO put there must not hang us.
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    if (codeOf(cause) === "ELOOP") throw unsafe(path, "is a symbolic link", "remove it", cause);
    throw new IhcError("storage", `cannot read ${path}`, { cause });
  }
}

function refuseForeign(path: string, found: { readonly uid: number; readonly mode: number }): void {
  const uid = process.getuid?.();
  if (uid === undefined) return; // Windows: access lists, not modes.
  if (found.uid !== uid) throw unsafe(path, "belongs to another user", "move it away");
  const open = found.mode & 0o077;
  if (open !== 0) throw unsafe(path, "is open to other users", `run chmod go= ${path}`);
}

function unsafe(path: string, what: string, hint: string, cause?: unknown): IhcError {
  return new IhcError("config", `${path} ${what}`, { hint, cause });
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
