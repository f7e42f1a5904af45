import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { IhcError } from "../base/errors.ts";

/**
 * Takes the folder for this process. The lock is the operating system's, through SQLite, since Node has none of its own: it
 * ends with the process, however that ends. Returns the way to give it back.
 */
export function lockFolder(folder: string): () => void {
  const file = new DatabaseSync(join(folder, "lock"));
  try {
    file.exec("pragma locking_mode = exclusive; begin exclusive");
  } catch (cause) {
    file.close();
    throw new IhcError("conflict", "another gateway writes to this folder", {
      hint: "give each gateway its own state folder",
      cause,
    });
  }
  return () => file.close();
}
