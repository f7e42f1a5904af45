import { randomBytes } from "node:crypto";
import { link, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { IhcError } from "../base/errors.ts";

const length = 32;

/** The key of masking's hashes, one per gateway: made once, 0600, in the state folder (which exists and is private). */
export async function openMaskKey(folder: string): Promise<Buffer> {
  const file = join(folder, "mask.key");
  const key = (await existing(file)) ?? (await made(folder, file));
  if (key.length !== length)
    throw new IhcError("corrupt", "the masking key cannot be read", {
      hint: `restore ${file} from the backup`,
    });
  return key;
}

/** Written whole under another name first, so that a crash leaves no half key. */
async function made(folder: string, file: string): Promise<Buffer> {
  const draft = join(folder, `mask.key.${randomBytes(6).toString("hex")}`);
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(randomBytes(length));
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(draft, file);
  } catch (error) {
    // Another gateway on the same folder was faster; its key counts.
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  } finally {
    await rm(draft);
  }
  return readFile(file);
}

async function existing(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
