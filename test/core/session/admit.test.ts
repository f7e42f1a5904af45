import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { GrantId } from "../../../src/base/ids.ts";
import type { Grant } from "../../../src/core/access/grant.ts";
import type { Policy } from "../../../src/core/access/policy.ts";
import { entryText, longestEntry } from "../../../src/core/audit/leaf.ts";
import type { JournalEvent } from "../../../src/core/journal/event.ts";
import type { Operation } from "../../../src/core/session/operation.ts";
import { stages } from "../../../src/core/session/stages.ts";
import { later, noon } from "../access/people.ts";
import { ana, compiled, policy, read, request, stage, write } from "./stage.ts";

suite("the order of things", () => {
  test("stands as a list: session, grant, audit log, protocol, policy", () => {
    assert.deepEqual(
      stages.map(({ name }) => name),
      ["session alive", "grant alive", "audit log alive", "protocol refusal", "policy"],
    );
  });

  test("a read is admitted once its verdict is written", async () => {
    const { session, happened } = stage();
    const admission = await session.admit(read);
    assert.equal(admission.ok && admission.op, read);
    assert.deepEqual(happened, ["operation", "allow written"]);
  });

  test("a write waits for the disk, the reviewers and a second judgement", async () => {
    const { session, happened, events } = stage();
    const seen: string[] = [];
    const admission = await session.admit(write, { onHold: (held) => seen.push(held.request) });
    assert.equal(admission.ok, true);
    assert.deepEqual(seen, [request]);
    assert.deepEqual(happened, [
      "operation",
      "hold durable",
      "operation.held",
      "note",
      "review",
      "use",
      "allow durable",
      "operation.approved",
    ]);
    const last = events.at(-1);
    assert.deepEqual(last?.type === "verdict" && [last.request, last.approvedBy, last.rule], [
      request,
      ["lee"],
      "change",
    ]);
  });

  test("a denial is on record before it is told", async () => {
    const { session, happened } = stage();
    const admission = await session.admit({ ...write, traits: ["no-where"] });
    assert.deepEqual(!admission.ok && [admission.denial.rule, admission.denial.reason], [
      "no-where",
      "DELETE without WHERE",
    ]);
    assert.deepEqual(happened, ["operation", "deny durable", "operation.denied"]);
  });

  test("a protocol's refusal stands whatever policy says", async () => {
    const { session } = stage();
    const admission = await session.admit({
      ...read,
      refusal: { rule: "unparsable", reason: "cannot be read", hint: "h" },
    });
    assert.deepEqual(!admission.ok && admission.denial, {
      kind: "deny",
      rule: "unparsable",
      reason: "cannot be read",
      hint: "h",
    });
  });
});

suite("nothing runs", () => {
  const journalFailing = (fails: (event: JournalEvent) => boolean) => ({
    append: async (event: JournalEvent) => {
      if (fails(event)) throw new Error("no space left");
    },
    add: () => undefined,
    drained: async () => undefined,
    failed: new AbortController().signal,
    close: async () => undefined,
  });
  const ended: Grant = {
    id: "gra_AAAAAAAAAAAA" as GrantId,
    version: 2,
    state: "revoked",
    request,
    principal: ana,
    target: "prod-db",
    effects: ["read"],
    reason: "x",
    breakGlass: false,
    approvedBy: [],
    slots: [],
    startsAt: noon,
    expiresAt: later(1000),
  };
  const stubborn = compiled(`@id("all") permit (principal, action, resource);
    @id("never") @approve("sre-leads") forbid (principal, action, resource)
    unless { context.approvedBy.contains("sre-leads") && context.approvedBy.contains("nobody") };`);
  const table: readonly [string, Parameters<typeof stage>[0], Operation, string][] = [
    [
      "when the journal cannot be written",
      { journal: journalFailing(() => true) },
      read,
      "journal-unwritable",
    ],
    [
      "when the hold cannot be written",
      { journal: journalFailing((e) => e.type === "verdict" && e.verdict === "hold") },
      write,
      "journal-unwritable",
    ],
    [
      "when the approval cannot be written",
      { journal: journalFailing((e) => e.type === "verdict" && e.verdict === "allow") },
      write,
      "journal-unwritable",
    ],
    [
      "when the audit log cannot be written",
      { audit: { enqueue: () => Promise.reject(new Error("locked")) } },
      write,
      "journal-unwritable",
    ],
    [
      "when the reviewers' store fails",
      { review: () => Promise.reject(new Error("locked")) },
      write,
      "journal-unwritable",
    ],
    ["when the session has ended", { signal: AbortSignal.abort() }, read, "session-ended"],
    ["when the grant was revoked", { grant: () => ended }, read, "grant-ended"],
    [
      "when the grant has run out",
      { grant: () => ({ ...ended, state: "active", expiresAt: noon }) },
      read,
      "grant-ended",
    ],
    [
      "when a reviewer denies",
      { review: () => ({ kind: "denied", request, by: ["lee"] }) },
      write,
      "second-person",
    ],
    ["when nobody answers", { review: () => ({ kind: "expired", request }) }, write, "second-person"],
    ["when the client goes away", { review: () => ({ kind: "canceled", request }) }, write, "second-person"],
    ["when the approval is spent", { usable: false }, write, "approval-spent"],
    ["when approval does not lift the rule", { policy: () => stubborn }, write, "never"],
    ["when the text has no canonical form", {}, { ...read, text: "select '\ud800'" }, "unreadable-text"],
    ["when a parameter has none", {}, { ...read, parameters: ["\ud800"] }, "unreadable-text"],
  ];
  for (const [name, parts, op, rule] of table)
    test(name, async () => {
      const { session } = stage(parts);
      const admission = await session.admit(op);
      assert.equal(admission.ok, false);
      assert.equal(!admission.ok && admission.denial.rule, rule);
    });

  test("when the grant ends while the operation is held", async () => {
    let grant: Grant = { ...ended, state: "active" };
    const { session, happened } = stage({
      grant: () => grant,
      review: () => {
        grant = ended;
        return { kind: "approved", request, by: ["lee"] };
      },
    });
    const admission = await session.admit(write);
    assert.equal(!admission.ok && admission.denial.rule, "grant-ended");
    assert.ok(!happened.includes("use"));
  });

  test("when policy changes while the operation is held", async () => {
    let inForce = policy;
    const { session } = stage({
      policy: () => inForce,
      review: () => {
        inForce = compiled("");
        return { kind: "approved", request, by: ["lee"] };
      },
    });
    const admission = await session.admit(write);
    assert.equal(!admission.ok && admission.denial.rule, "no-permit");
  });

  test("when the operation was changed while it was held", async () => {
    const op = { ...write, parameters: ["7"] };
    const { session } = stage({
      review: () => {
        op.parameters[0] = "8";
        return { kind: "approved", request, by: ["lee"] };
      },
    });
    const admission = await session.admit(op);
    assert.equal(!admission.ok && admission.denial.rule, "operation-changed");
  });

  test("when the client has left although the reviewers approved", async () => {
    const gone = new AbortController();
    const { session } = stage({
      review: () => {
        gone.abort();
        return { kind: "approved", request, by: ["lee"] };
      },
    });
    const admission = await session.admit(write, { signal: gone.signal });
    assert.equal(!admission.ok && admission.denial.rule, "client-gone");
  });
});

suite("what is kept", () => {
  test("texts and parameters are masked in journal and audit log", async () => {
    const { session, events, entries } = stage();
    await session.admit(read);
    await session.admit({ ...read, traits: ["no-where"] });
    const kept = JSON.stringify([events, entries]);
    assert.ok(!kept.includes("@example.com"), kept);
    const [asked] = events;
    assert.ok(asked?.type === "operation");
    assert.equal(asked.parameters[1], "7");
    assert.match(asked.text, /^select 1 from t where email = /);
  });

  test("an audit entry has room for any statement, however many and long its parameters are", async () => {
    const long = "\u0001".repeat(5000);
    const { session, entries } = stage();
    await session.admit({ ...write, text: long, parameters: Array.from({ length: 50 }, () => long) });
    assert.deepEqual(
      entries.map(({ kind }) => kind),
      ["operation.held", "operation.approved"],
    );
    for (const entry of entries) assert.ok(Buffer.byteLength(entryText(entry)) <= longestEntry);
  });

  test("verdicts are cached, but not past a reload, a minute or a change of circumstances", async () => {
    let asked = 0;
    let version = "1";
    let now = noon;
    const counting = (): Policy => ({
      ...policy,
      version,
      judge: (question) => {
        asked += 1;
        return policy.judge(question);
      },
    });
    const { session } = stage({ policy: counting, clock: { now: () => now, monotonic: () => 0 } });
    await session.admit(read);
    await session.admit({ ...read, text: "select 2", parameters: [] });
    assert.equal(asked, 1);
    await session.admit({ ...read, resources: ["public.u"] });
    assert.equal(asked, 2);
    version = "2";
    await session.admit(read);
    assert.equal(asked, 3);
    now = later(60_000);
    await session.admit(read);
    assert.equal(asked, 4);
  });
});

test("while the audit log takes nothing, reads pass and everything else is refused", async () => {
  const { session } = stage({ auditable: () => false });
  assert.equal((await session.admit(read)).ok, true);
  const refused = await session.admit(write);
  assert.ok(!refused.ok);
  assert.equal(refused.denial.rule, "audit-unavailable");
});
