import { IhcError } from "../base/errors.ts";
import type { SessionEndCode, SessionRecord } from "../core/access/session-record.ts";
import { clippedText } from "../core/audit/leaf.ts";
import { actorName, type Records } from "./records.ts";
import { detailOf } from "./session-texts.ts";

/** Keeps a new session, with its entry in the audit log. */
export async function enterOpened(records: Records, record: SessionRecord): Promise<void> {
  await records.store.atomically(async (tables) => {
    await tables.sessions.insert(record);
    await tables.enqueue({
      kind: "session.opened",
      at: record.openedAt,
      actor: actorName(record.principal),
      detail: detailOf(records, record),
    });
  });
}

export interface SessionEnd {
  readonly at: Date;
  readonly code: SessionEndCode;
  readonly reason: string;
  readonly actor: string;
  /** Whether the recording came to its end. */
  readonly complete: boolean;
}

/** Marks a session ended, with its entry. Safe to call again. */
export async function enterEnded(records: Records, record: SessionRecord, end: SessionEnd): Promise<void> {
  const { at, code, reason, actor, complete } = end;
  await records.store.atomically(async (tables) => {
    const current = (await tables.sessions.get(record.id)) ?? record;
    if (current.state === "ended") return;
    const ended: SessionRecord = {
      ...current,
      version: current.version + 1,
      state: "ended",
      endedAt: at,
      endReason: reason,
      endCode: code,
      complete,
    };
    if (!(await tables.sessions.replace(ended))) throw new IhcError("conflict", "the session has changed");
    await tables.enqueue({
      kind: "session.ended",
      at,
      actor,
      detail: { ...detailOf(records, record), why: clippedText(reason), code, complete },
    });
  });
  records.notify.changed(record.id);
}
