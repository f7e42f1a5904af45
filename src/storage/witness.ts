import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { Kysely } from "kysely";
import { IhcError } from "../base/errors.ts";
import { type Checkpoint, type LogKey, openCheckpoint } from "../core/audit/checkpoint.ts";
import { treeHashes } from "./hashes.ts";
import type { Schema } from "./schema.ts";

/** A file outside the database that remembers every signed checkpoint, so that a restored old database is noticed. */
export interface Witness {
  /** Appends the newest checkpoint if the file does not have it yet; durable when this resolves. */
  follow(): Promise<void>;
}

/** Opens the file and holds its last checkpoint against the log; throws IhcError `corrupt` when the log is older or another. */
export async function openWitness(path: string, db: Kysely<Schema>, key: LogKey): Promise<Witness> {
  const last = lastCheckpoint(await readAll(path), key.verifier);
  const head = await newest(db);
  let seen = last?.size ?? 0;
  if (last && (head?.size ?? 0) < last.size)
    throw new IhcError(
      "corrupt",
      `the audit log has ${head?.size ?? 0} entries, its witness saw ${last.size}`,
      {
        hint: "an old database was restored or entries were removed; keep it as it is",
      },
    );
  if (last && !(await treeHashes(db).root(last.size)).equals(last.root))
    throw new IhcError("corrupt", "the audit log is not the one its witness saw", {
      hint: "entries were changed; keep the database as it is",
    });
  return {
    follow: async () => {
      const now = await newest(db);
      if (!now || now.size <= seen) return;
      await append(path, now.checkpoint);
      seen = now.size;
    },
  };
}

/** The checkpoints of a witness file, oldest first, as signed notes. */
export function splitCheckpoints(text: string): readonly string[] {
  const parts = text.split("\n\n").filter((part) => part !== "");
  const notes: string[] = [];
  for (let at = 0; at + 1 < parts.length; at += 2) notes.push(`${parts[at]}\n\n${parts[at + 1]}\n`);
  return notes;
}

function lastCheckpoint(text: string, verifier: string): Checkpoint | undefined {
  const note = splitCheckpoints(text).at(-1);
  return note === undefined ? undefined : openCheckpoint(note, verifier);
}

function newest(db: Kysely<Schema>): Promise<{ size: number; checkpoint: string } | undefined> {
  return db.selectFrom("audit_head").select(["size", "checkpoint"]).where("size", ">", 0).executeTakeFirst();
}

async function readAll(path: string): Promise<string> {
  return withFile(path, (file) => file.readFile("utf8"));
}

async function append(path: string, note: string): Promise<void> {
  await withFile(path, async (file) => {
    await file.appendFile(`${note}\n`);
    await file.datasync();
  });
}

async function withFile<T>(path: string, work: (file: FileHandle) => Promise<T>): Promise<T> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;
  const file = await open(path, flags, 0o600).catch((cause: unknown) => {
    throw new IhcError("storage", "the audit log's witness file cannot be opened", { cause });
  });
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
