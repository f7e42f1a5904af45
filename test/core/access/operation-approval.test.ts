import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { IhcError } from "../../../src/base/errors.ts";
import type { SessionId } from "../../../src/base/ids.ts";
import { type Answer, decide } from "../../../src/core/access/decide.ts";
import { operationDigest, requestDigest } from "../../../src/core/access/digest.ts";
import { fileOperation } from "../../../src/core/access/filing.ts";
import type { Principal } from "../../../src/core/access/principal.ts";
import { type AccessRequest, spendApproval } from "../../../src/core/access/request.ts";
import { parseSlots } from "../../../src/core/access/slot.ts";
import type { Operation } from "../../../src/core/session/operation.ts";
import { later, noon, person } from "./people.ts";

const ana = person("ana", ["oncall", "sre-leads"]);
const lee = person("lee", ["sre-leads"]);

function answer(request: AccessRequest, reviewer: Principal, more: Partial<Answer> = {}): Answer {
  return { reviewer, answer: "approve", digest: requestDigest(request), now: later(60_000), ...more };
}

suite("an operation approval", () => {
  const op: Operation = {
    kind: "statement",
    text: "delete from t where id = 7",
    parameters: [],
    effect: "write",
    resources: ["t"],
    traits: [],
  };
  const digest = operationDigest(op, "prod-db", ana);
  const request = fileOperation({
    session: "ses_AAAAAAAAAAAA" as SessionId,
    requester: ana,
    target: "prod-db",
    op,
    hold: { kind: "hold", rule: "writes", reason: "x", slots: parseSlots("sre-leads"), within: 60_000 },
    digest,
    reason: "INC-4021",
    breakGlass: false,
    policyVersion: "sha256:0",
    now: noon,
  });
  const soon = later(30_000);
  const approved = decide(request, answer(request, lee, { now: soon })).request;

  test("is not given for a text that was changed where it is kept", () => {
    assert.ok(request.operation);
    const swapped = { ...request, operation: { ...request.operation, text: "select 1" } };
    assert.throws(
      () => decide(swapped, answer(swapped, lee, { now: later(1000) })),
      (error) => error instanceof IhcError && error.rule === "digest-differs",
    );
  });

  test("waits as long as policy says and has no duration to shorten", () => {
    assert.deepEqual(request.expiresAt, later(60_000));
    assert.throws(() => decide(request, answer(request, lee, { now: soon, duration: 1 })), {
      rule: "no-duration",
    });
    assert.throws(() => decide(request, answer(request, lee, { now: later(60_000) })), {
      rule: "request-expired",
    });
  });

  test("issues no grant and is spent once, on its own digest, in time", () => {
    assert.deepEqual([approved.state, approved.grant], ["approved", undefined]);
    assert.throws(() => spendApproval(request, digest, soon), { rule: "request-state" });
    const other = operationDigest({ ...op, text: "delete from t" }, "prod-db", ana);
    assert.throws(() => spendApproval(approved, other, soon), { rule: "digest-differs" });
    assert.throws(() => spendApproval(approved, digest, later(90_000)), { rule: "approval-too-old" });
    const used = spendApproval(approved, digest, soon);
    assert.deepEqual([used.state, used.version], ["used", approved.version + 1]);
    assert.throws(() => spendApproval(used, digest, soon), { rule: "request-state" });
    assert.throws(() => spendApproval({ ...approved, kind: "access" }, digest, soon), {
      rule: "request-state",
    });
  });
});
