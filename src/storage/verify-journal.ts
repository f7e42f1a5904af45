import { sha256 } from "../base/bytes.ts";
import type { SessionId } from "../base/ids.ts";
import { chunkFile, readFileOf } from "./chunk-file.ts";
import type { ChunkRecord, Store } from "./store.ts";

export interface JournalProblem {
  readonly session: SessionId;
  readonly track: "gateway" | "client";
  readonly number: number;
  readonly problem: "missing" | "changed" | "chain";
  readonly message: string;
}

/** Holds the sealed files against their rows, and the rows against each other. */
export async function verifyJournal(
  folder: string,
  store: Store,
  session: SessionId,
): Promise<readonly JournalProblem[]> {
  const problems: JournalProblem[] = [];
  const last = new Map<string, ChunkRecord>();
  for (const chunk of await store.chunks.list(session)) {
    const { track, number } = chunk;
    const say = (problem: JournalProblem["problem"], what: string): void => {
      problems.push({
        session,
        track,
        number,
        problem,
        message: `${session} ${track} chunk ${number} ${what}`,
      });
    };
    const bytes = await readFileOf(folder, chunkFile(track, number));
    if (!bytes) say("missing", "has no file");
    else if (sha256(bytes) !== chunk.digest) say("changed", "is not the file that was sealed");
    const before = last.get(track);
    if (number !== (before ? before.number + 1 : 0) || chunk.previous !== (before?.digest ?? ""))
      say("chain", "does not follow the one before");
    last.set(track, chunk);
  }
  return problems;
}
