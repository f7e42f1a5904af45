import assert from "node:assert/strict";
import type { ConnectionId, RequestId, SessionId } from "../../../src/base/ids.ts";
import { compilePolicy } from "../../../src/core/access/cedar.ts";
import type { Policy } from "../../../src/core/access/policy.ts";
import type { AuditEntry } from "../../../src/core/audit/entry.ts";
import type { JournalEvent } from "../../../src/core/journal/event.ts";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import type { Approvals, Reviewed } from "../../../src/core/session/approvals.ts";
import { openSession } from "../../../src/core/session/open.ts";
import type { Operation } from "../../../src/core/session/operation.ts";
import type { SessionParts } from "../../../src/core/session/parts.ts";
import { later, noon, person, prodDb } from "../access/people.ts";

export const ana = person("ana", ["oncall"]);
export const request = "req_AAAAAAAAAAAA" as RequestId;

export const policy = compiled(`
@id("read") permit (principal in Group::"oncall", action == Action::"read", resource);
@id("change") permit (principal in Group::"oncall", action == Action::"write", resource);
@id("second-person") @approve("sre-leads") @within("5m") @reason("needs a second person")
forbid (principal, action == Action::"write", resource) unless { context.approvedBy.contains("sre-leads") };
@id("no-where") @reason("DELETE without WHERE")
forbid (principal, action, resource) when { context.traits.contains("no-where") };
`);

export function compiled(text: string): Policy {
  const result = compilePolicy([{ file: "p.cedar", text }], [prodDb]);
  assert.deepEqual(result.issues, undefined);
  assert.ok(result.policy);
  return result.policy;
}

export const read: Operation = {
  kind: "statement",
  text: "select 1 from t where email = 'ana.smith@example.com'",
  parameters: ["bob.jones@example.com", 7],
  effect: "read",
  resources: ["public.t"],
  traits: [],
};
export const write: Operation = {
  ...read,
  text: "update t set a = 1 where id = 7",
  parameters: [],
  effect: "write",
};

/** A session whose journal, audit log and reviewers are kept in memory, in the order in which things happened. */
export function stage(
  more: Partial<SessionParts> & { review?: () => Promise<Reviewed> | Reviewed; usable?: boolean } = {},
) {
  const happened: string[] = [];
  const events: JournalEvent[] = [];
  const entries: AuditEntry[] = [];
  const failed = new AbortController();
  const {
    review = () => ({ kind: "approved", request, by: ["lee"] }) as const,
    usable = true,
    ...parts
  } = more;
  const approvals: Approvals = {
    review: async (_op, hold, _digest, { onHold }) => {
      onHold({ request, hold, expiresAt: later(hold.within) });
      happened.push("review");
      return await review();
    },
    use: async () => {
      happened.push("use");
      return usable;
    },
  };
  const session = openSession({
    id: "ses_AAAAAAAAAAAA" as SessionId,
    connection: "con_AAAAAAAAAAAA" as ConnectionId,
    principal: () => ana,
    target: () => prodDb,
    effects: () => ["read", "write"],
    policy: () => policy,
    grant: () => undefined,
    masks: compileMasks({ rules: [{ detect: ["email"], how: "redact" }], mode: "strict" }, Buffer.alloc(32)),
    journal: {
      append: async (event, until) => {
        events.push(event);
        happened.push(event.type === "verdict" ? `${event.verdict} ${until}` : event.type);
      },
      add: (event) => {
        events.push(event);
        happened.push(event.type);
      },
      drained: async () => undefined,
      failed: failed.signal,
      close: async () => undefined,
    },
    approvals,
    audit: {
      enqueue: async (entry) => {
        entries.push(entry);
        happened.push(entry.kind);
      },
    },
    clock: { now: () => noon, monotonic: () => 0 },
    signal: new AbortController().signal,
    recording: { rows: 10, bytes: 1000 },
    ...parts,
  });
  return { session, happened, events, entries };
}
