import { constants } from "node:fs";
import { link, lstat, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { IhcError } from "../base/errors.ts";
import { syncFolder } from "./folder.ts";
import { isCode } from "./log-key.ts";
import { segmentName } from "./segment.ts";

/** Writes a file that is whole or absent, once: bytes, fsync, name, fsync of the folder. Throws `conflict` if it is there. */
export async function writeOnce(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  const draft = join(folder, `${name}.draft`);
  await rm(draft, { force: true });
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(draft, flags, 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(draft, join(folder, name));
  } catch (cause) {
    if (!isCode(cause, "EEXIST")) throw cause;
    throw new IhcError("conflict", "this part of the recording is already there and is never replaced", {
      cause,
    });
  } finally {
    await rm(draft);
  }
  await syncFolder(folder);
}

/** The bytes of a file of a journal, never through a link; undefined when there is none. */
export async function readFileOf(folder: string, name: string): Promise<Buffer | undefined> {
  try {
    const file = await open(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return undefined;
    throw new IhcError("storage", "a file of the recording cannot be read", { cause });
  }
}

export async function hasFile(folder: string, name: string): Promise<boolean> {
  try {
    return (await lstat(join(folder, name))).isFile();
  } catch (cause) {
    if (isCode(cause, "ENOENT")) return false;
    throw cause;
  }
}

/** The name of a sealed chunk's file; a client's track lies beside the gateway's. */
export function chunkFile(track: "gateway" | "client", number: number): string {
  return track === "gateway" ? segmentName(number, "chunk") : `client-${segmentName(number, "chunk")}`;
}
