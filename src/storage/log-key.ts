import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { link, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { IhcError } from "../base/errors.ts";
import { formatLogKey, type LogKey, parseLogKey } from "../core/audit/checkpoint.ts";
import { privateFolder, syncFolder } from "./folder.ts";

/**
 * The audit log's Ed25519 key, `log.key` (0600) in the state folder; made when there is none. `name` is the log's origin and
 * is kept for good: several gateways that share a store share this file.
 */
export async function openLogKey(folder: string, name = "ihc"): Promise<LogKey> {
  const home = await privateFolder(folder);
  const file = join(home, "log.key");
  return (await readKey(file)) ?? (await makeKey(home, file, name));
}

async function makeKey(home: string, file: string, name: string): Promise<LogKey> {
  const draft = join(home, `log.key.${randomBytes(6).toString("hex")}`);
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(`${formatLogKey(name, randomBytes(32))}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    // A link never replaces: of two gateways that start together, one makes the key and the other reads it.
    await link(draft, file);
  } catch (cause) {
    if (!isCode(cause, "EEXIST")) throw new IhcError("storage", "the log key cannot be written", { cause });
  } finally {
    await rm(draft);
  }
  await syncFolder(home);
  const key = await readKey(file);
  if (!key) throw new IhcError("storage", "the log key has gone");
  return key;
}

async function readKey(file: string): Promise<LogKey | undefined> {
  try {
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      if (((await handle.stat()).mode & 0o077) !== 0)
        throw new IhcError("config", "the log key can be read by others", { hint: `chmod 600 ${file}` });
      return parseLogKey(await handle.readFile("utf8"));
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
