import { constants } from "node:fs";
import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseId, type SessionId } from "../../base/ids.ts";
import { type AgentPaths, privateFolder, readPrivate, writePrivate } from "../paths.ts";

/** Whose recording a spool folder holds. Holds no secret. */
const trackFile = z.object({
  v: z.literal(1),
  session: z.string(),
  gateway: z.string(),
  profile: z.string(),
  target: z.string(),
  /** Who writes it, as long as that process lives. */
  pid: z.int(),
});

export type Track = Omit<z.infer<typeof trackFile>, "v" | "session"> & { readonly session: SessionId };

/** A client's recording on the laptop, until all of it has been uploaded. */
export interface Spooled {
  readonly folder: string;
  readonly track: Track;
}

/** How far a recording has been uploaded. */
const sentFile = z.object({
  /** Number of the next part, and the digest of the one before. */
  next: z.int(),
  previous: z.string(),
  /** Events in the parts so far, and whether the last of them ended the recording. */
  events: z.int(),
  ended: z.boolean(),
});

export type Sent = z.infer<typeof sentFile>;

export async function readSent(folder: string): Promise<Sent> {
  const bytes = await readPrivate(join(folder, "sent.json"));
  if (!bytes) return { next: 0, previous: "", events: 0, ended: false };
  return sentFile.parse(JSON.parse(bytes.toString("utf8")));
}

export async function writeSent(folder: string, sent: Sent): Promise<void> {
  await writePrivate(join(folder, "sent.json"), `${JSON.stringify(sent)}\n`);
}

/** Makes the spool folder of a session's recording (0700). */
export async function beginSpool(paths: AgentPaths, track: Track): Promise<Spooled> {
  const folder = await privateFolder(join(await spoolFolder(paths), track.session));
  await writePrivate(join(folder, "track.json"), `${JSON.stringify({ v: 1, ...track })}\n`);
  return { folder, track };
}

/** What waits on this laptop, oldest first. A folder that is not ours to read is left alone. */
export async function listSpooled(paths: AgentPaths): Promise<readonly Spooled[]> {
  const root = await spoolFolder(paths);
  const found: Spooled[] = [];
  for (const name of (await readdir(root)).sort()) {
    const folder = join(root, name);
    const track = parseId("ses", name) && parsed(await readPrivate(join(folder, "track.json")));
    if (track && track.session === name) found.push({ folder, track });
  }
  return found;
}

/** Whether the process that writes it is still there. */
export function isWritten({ track }: Spooled): boolean {
  return isAlive(track.pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** Keeps what the gateway will never take, out of the way of later uploads. Returns where it lies. */
export async function setAside({ folder }: Spooled): Promise<string> {
  const aside = `${folder}.refused`;
  await rm(aside, { recursive: true, force: true });
  await rename(folder, aside);
  return aside;
}

/** Takes an abandoned recording for this process, so that two uploads do not meet; false when another process has it. */
export async function adopt({ folder, track }: Spooled): Promise<boolean> {
  if (track.pid === process.pid) return true;
  const lock = join(folder, "uploading");
  try {
    const file = await open(lock, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
  const holder = Number((await readPrivate(lock))?.toString("utf8") ?? "0");
  if (holder > 0 && isAlive(holder)) return false;
  await rm(lock, { force: true });
  return await adopt({ folder, track });
}

export async function leave({ folder }: Spooled): Promise<void> {
  await rm(join(folder, "uploading"), { force: true });
}

export async function dropSpool({ folder }: Spooled): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

async function spoolFolder(paths: AgentPaths): Promise<string> {
  await privateFolder(paths.state);
  return await privateFolder(join(paths.state, "spool"));
}

function parsed(bytes: Buffer | undefined): Track | undefined {
  try {
    const read = trackFile.safeParse(JSON.parse(bytes?.toString("utf8") ?? ""));
    const session = read.success ? parseId("ses", read.data.session) : undefined;
    if (!read.success || !session) return undefined;
    const { gateway, profile, target, pid } = read.data;
    return { session, gateway, profile, target, pid };
  } catch {
    return undefined;
  }
}
