import type { Policy, Question } from "../core/access/policy.ts";
import type { SessionRecord } from "../core/access/session-record.ts";
import type { Target } from "../core/access/target.ts";
import type { JournalEvent } from "../core/journal/event.ts";
import type { Verdict } from "../core/session/verdict.ts";
import type { HostStore } from "./host-store.ts";

/** One operation that was recorded, as policy was asked about it, without what reviewers had lifted. */
export interface RecordedQuestion {
  readonly session: SessionRecord;
  /** Masked. */
  readonly text: string;
  readonly question: Question;
}

type Asked = Extract<JournalEvent, { type: "operation" }>;

/** The operations of a session's recording; none when its target is not configured any more. */
export async function* recordedQuestions(
  { store, journals }: HostStore,
  session: SessionRecord,
  targets: readonly Target[],
): AsyncGenerator<RecordedQuestion> {
  const target = targets.find(({ name }) => name === session.target);
  if (target === undefined) return;
  const grant = session.grant === undefined ? undefined : await store.grants.get(session.grant);
  for await (const { at, event } of journals.read(session.id)) {
    if (event.type !== "operation") continue;
    yield {
      session,
      text: event.text,
      question: {
        principal: session.principal,
        target,
        ...aspects(event),
        approvedBy: [],
        now: at,
        ...(session.incident === undefined ? {} : { incident: session.incident }),
        // As it was while the session ran: that it has ended since says nothing about policy.
        ...(grant ? { grant: { ...grant, state: "active" as const } } : {}),
      },
    };
  }
}

function aspects({ effect, kind, resources, traits, attributes }: Asked) {
  return { effect, kind, resources, traits, ...(attributes ? { attributes } : {}) };
}

export interface Change {
  readonly recorded: RecordedQuestion;
  readonly before: Verdict;
  readonly after: Verdict;
}

/** What two policies say of the same question, where they do not say the same; else nothing. */
export function changed(recorded: RecordedQuestion, before: Policy, after: Policy): readonly Change[] {
  const [old, next] = [before.judge(recorded.question), after.judge(recorded.question)];
  const same = old.kind === next.kind && demand(old) === demand(next);
  return same ? [] : [{ recorded, before: old, after: next }];
}

function demand(verdict: Verdict): string {
  return verdict.kind === "hold" ? JSON.stringify(verdict.slots) : "";
}
