import { constants } from "node:fs";
import { lstat, mkdir, open, realpath } from "node:fs/promises";
import { IhcError } from "../base/errors.ts";

/** Makes a folder that is this user's alone (0700) and refuses one that others could write. Resolves to its real path. */
export async function privateFolder(path: string): Promise<string> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const real = await realpath(path);
  const { uid, mode } = await lstat(real);
  const mine = process.getuid?.() ?? uid;
  if ((mode & 0o022) !== 0)
    throw new IhcError("config", "the state folder can be written by others", { hint: `chmod 700 ${real}` });
  if (uid !== mine)
    throw new IhcError("config", "the state folder belongs to another user", {
      hint: `chown it or start as its owner: ${real}`,
    });
  return real;
}

/** Makes the names in a folder last: without it a crash may forget a file that was itself synced. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
