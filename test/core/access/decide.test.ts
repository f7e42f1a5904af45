import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Answer, decide, notReviewable } from "../../../src/core/access/decide.ts";
import { operationDigest, requestDigest } from "../../../src/core/access/digest.ts";
import { type AccessFiling, fileAccess } from "../../../src/core/access/filing.ts";
import { expireGrant, grantUnusable, revokeGrant } from "../../../src/core/access/grant.ts";
import type { Principal } from "../../../src/core/access/principal.ts";
import { type AccessRequest, cancelRequest, expireRequest } from "../../../src/core/access/request.ts";
import { parseSlots } from "../../../src/core/access/slot.ts";
import { later, noon, person } from "./people.ts";

const hour = 3_600_000;
const ana = person("ana", ["oncall", "sre-leads"]);
const lee = person("lee", ["sre-leads"]);
const kim = person("kim", ["sre-leads"]);
const sam = person("sam", ["security"]);
const dave = person("dave", ["sre-leads", "security"]);
const zoe = person("zoe", ["sales"]);
const claude = { via: { name: "claude-code", version: "2.1" } };

function filed(slots = "sre-leads", more: Partial<AccessFiling> = {}): AccessRequest {
  return fileAccess({
    requester: ana,
    target: "prod-db",
    decision: { rule: "responders", slots: parseSlots(slots), effects: ["read"], longest: 4 * hour },
    reason: "INC-4021 orders stuck",
    duration: hour,
    breakGlass: false,
    reviewOwed: false,
    policyVersion: "sha256:0",
    ttl: hour,
    now: noon,
    ...more,
  }).request;
}

function answer(request: AccessRequest, reviewer: Principal, more: Partial<Answer> = {}): Answer {
  return { reviewer, answer: "approve", digest: requestDigest(request), now: later(60_000), ...more };
}

function approve(request: AccessRequest, ...reviewers: readonly Principal[]): AccessRequest {
  return reviewers.reduce((it, reviewer) => decide(it, answer(it, reviewer)).request, request);
}

suite("who may review", () => {
  const table: readonly [string, AccessRequest, Principal, string | undefined][] = [
    ["a lead", filed(), lee, undefined],
    ["somebody of two groups", filed("security"), dave, undefined],
    ["not the requester, though a lead", filed(), ana, "own-request"],
    [
      "not the requester by another account of the same person",
      filed(),
      { ...lee, person: ana.person },
      "own-request",
    ],
    ["not the requester through their agent", filed(), { ...ana, ...claude }, "no-review-by-agent"],
    ["not a lead's agent", filed(), { ...lee, ...claude }, "no-review-by-agent"],
    ["not a machine", filed(), { ...lee, machine: true }, "no-review-by-machine"],
    ["not somebody of another group", filed(), zoe, "not-a-reviewer"],
    ["not a lead who has left the group", filed(), { ...lee, groups: [] }, "not-a-reviewer"],
    ["not one who has answered", approve(filed("sre-leads:2"), lee), lee, "already-answered"],
    ["not after approval", approve(filed(), lee), kim, "request-state"],
    ["not after cancelling", cancelRequest(filed(), ana, noon), lee, "request-state"],
    ["not after the request timed out", filed("sre-leads", { ttl: 1000 }), lee, "request-expired"],
  ];
  for (const [name, request, reviewer, rule] of table)
    test(name, () => {
      assert.equal(notReviewable(request, reviewer, later(60_000))?.rule, rule);
      if (rule) assert.throws(() => decide(request, answer(request, reviewer)), { rule });
      else assert.equal(decide(request, answer(request, reviewer)).request.version, request.version + 1);
    });
});

suite("how many people it takes", () => {
  const table: readonly [string, string, readonly Principal[], "pending" | "approved"][] = [
    ["one of one", "sre-leads", [lee], "approved"],
    ["one of two", "sre-leads:2", [lee], "pending"],
    ["two of two", "sre-leads:2", [lee, kim], "approved"],
    ["one person of both groups takes one seat", "sre-leads, security", [dave], "pending"],
    ["the other seat is still free for a lead", "sre-leads, security", [dave, lee], "approved"],
    ["or for security", "sre-leads, security", [dave, sam], "approved"],
    ["people move over to make room", "sre-leads:2, security", [dave, lee, kim], "approved"],
    ["two seats are not three", "sre-leads:2, security", [dave, lee], "pending"],
  ];
  for (const [name, slots, reviewers, state] of table)
    test(name, () => assert.equal(approve(filed(slots), ...reviewers).state, state));

  test("a yes that fills no seat is refused, a no is heard", () => {
    const half = approve(filed("sre-leads, security"), lee);
    assert.throws(() => decide(half, answer(half, kim)), { rule: "slot-full" });
    assert.equal(decide(half, answer(half, kim, { answer: "deny" })).request.state, "denied");
  });

  test("one denial ends it", () => {
    const half = approve(filed("sre-leads:2"), lee);
    const { request, grant } = decide(half, answer(half, kim, { answer: "deny" }));
    assert.deepEqual([request.state, grant], ["denied", undefined]);
    assert.throws(() => decide(request, answer(request, dave)), { rule: "request-state" });
  });
});

suite("what a review is bound to", () => {
  test("another digest is a conflict", () => {
    const request = filed();
    const other = requestDigest({ ...request, reason: "something else" });
    assert.throws(() => decide(request, answer(request, lee, { digest: other })), {
      code: "conflict",
      rule: "digest-differs",
    });
  });

  test("the digest covers what is shown and stands through reviews", () => {
    const request = filed("sre-leads:2");
    const digest = requestDigest(request);
    assert.equal(requestDigest(approve(request, lee)), digest);
    const changes: readonly Partial<AccessRequest>[] = [
      { target: "x" },
      { effects: ["write"] },
      { reason: "x" },
      { incident: "x" },
      { duration: 1 },
      { breakGlass: true },
      { slots: [] },
      { requester: lee },
      { requester: { ...ana, ...claude } },
      { rule: "x" },
    ];
    for (const change of changes)
      assert.notEqual(requestDigest({ ...request, ...change }), digest, JSON.stringify(change));
  });

  test("the operation's digest changes with text, parameters, target, person and MCP client", () => {
    const op = { kind: "statement", text: "delete from t where id = $1", parameters: ["7"] };
    const digests = [
      operationDigest(op, "prod-db", ana),
      operationDigest({ ...op, text: `${op.text} ` }, "prod-db", ana),
      operationDigest({ ...op, parameters: [7] }, "prod-db", ana),
      operationDigest({ ...op, kind: "copy" }, "prod-db", ana),
      operationDigest(op, "lab-db", ana),
      operationDigest(op, "prod-db", lee),
      operationDigest(op, "prod-db", { ...ana, ...claude }),
    ];
    assert.equal(new Set(digests).size, digests.length);
  });
});

suite("the grant", () => {
  test("starts at approval and lasts as long as the shortest review says", () => {
    const request = filed("sre-leads:2");
    const first = decide(request, answer(request, lee, { duration: hour / 2 })).request;
    const { request: done, grant } = decide(first, answer(first, kim, { now: later(10 * 60_000) }));
    assert.ok(grant);
    assert.equal(done.grant, grant.id);
    assert.deepEqual(grant.startsAt, later(600_000));
    assert.deepEqual(grant.expiresAt, later(600_000 + hour / 2));
    assert.deepEqual(grant.approvedBy, ["lee@acme.io", "kim@acme.io"]);
    assert.deepEqual(grant.slots, [{ group: "sre-leads", people: 2 }]);
  });

  test("cannot be made longer by a reviewer", () => {
    const request = filed();
    assert.throws(() => decide(request, answer(request, lee, { duration: hour + 1 })), {
      rule: "shorten-only",
    });
    assert.throws(() => decide(request, answer(request, lee, { duration: 0 })), { code: "invalid" });
    assert.throws(() => decide(request, answer(request, lee, { duration: Number.NaN })), { code: "invalid" });
  });

  test("is never longer than policy's longest", () => {
    assert.equal(filed("sre-leads", { duration: 24 * hour }).duration, 4 * hour);
  });

  test("ends once", () => {
    const request = filed();
    const { grant } = decide(request, answer(request, lee));
    assert.ok(grant);
    assert.throws(() => expireGrant(grant, later(hour)), { code: "conflict" });
    const expired = expireGrant(grant, later(hour + 60_000));
    assert.deepEqual([expired.state, expired.version], ["expired", 2]);
    const revoked = revokeGrant(grant, "sam", later(120_000));
    assert.deepEqual([revoked.state, revoked.endedBy], ["revoked", "sam"]);
    assert.throws(() => revokeGrant(expired, "sam", noon), { code: "conflict" });
    assert.throws(() => expireGrant(revoked, later(9 * hour)), { code: "conflict" });
  });

  test("is of use to its person, client, key and target only, and in its time", () => {
    const bound = { ...ana, key: "thumb" };
    const request = filed("sre-leads", { requester: bound });
    const { grant } = decide(request, answer(request, lee));
    assert.ok(grant);
    const rule = (who: Principal, target = "prod-db", now = later(120_000)) =>
      grantUnusable(grant, who, target, now);
    assert.equal(rule(bound), undefined);
    assert.equal(rule(lee)?.code, "not-found");
    assert.equal(rule(bound, "lab-db")?.code, "not-found");
    assert.equal(rule({ ...bound, ...claude })?.rule, "grant-via");
    assert.equal(rule({ ...bound, key: "other" })?.rule, "grant-key");
    assert.equal(rule(ana)?.rule, "grant-key");
    assert.equal(rule(bound, "prod-db", noon)?.rule, "grant-ended");
    assert.equal(rule(bound, "prod-db", later(hour + 60_000))?.rule, "grant-ended");
  });
});

suite("the ends of a request", () => {
  test("only its person cancels, and only while it waits", () => {
    assert.equal(cancelRequest(filed(), ana, noon).state, "canceled");
    assert.equal(cancelRequest(filed(), "gateway", noon).state, "canceled");
    assert.throws(() => cancelRequest(filed(), lee, noon), { rule: "own-request-only" });
    assert.throws(() => cancelRequest(approve(filed(), lee), ana, noon), { code: "conflict" });
  });

  test("it times out when its time is up, not before and not twice", () => {
    assert.throws(() => expireRequest(filed(), later(hour - 1)), { code: "conflict" });
    const expired = expireRequest(filed(), later(hour));
    assert.deepEqual([expired.state, expired.version], ["expired", 2]);
    assert.throws(() => expireRequest(expired, later(2 * hour)), { code: "conflict" });
  });

  test("a request needs a reason", () => {
    assert.throws(() => filed("sre-leads", { reason: " \n" }), { code: "invalid" });
  });
});

suite("break-glass", () => {
  const glass = { breakGlass: true } as const;
  const filing = (more: Partial<AccessFiling> = {}) => filed("sre-leads", { ...glass, ...more });

  test("is granted at once, fills no slots and owes a review", () => {
    const request = filing();
    assert.deepEqual([request.state, request.reviewOwed, typeof request.grant], ["approved", true, "string"]);
    assert.throws(() => decide(request, answer(request, ana)), { rule: "own-request" });
    assert.throws(() => decide(request, answer(request, zoe)), { rule: "not-a-reviewer" });
    for (const said of ["approve", "deny"] as const) {
      const { request: reviewed, grant } = decide(
        request,
        answer(request, lee, { answer: said, now: later(9 * hour) }),
      );
      assert.deepEqual([reviewed.state, reviewed.reviewOwed, grant], ["approved", false, undefined]);
      assert.throws(() => decide(reviewed, answer(reviewed, kim)), { rule: "request-state" });
    }
  });

  test("is for people, once until reviewed", () => {
    assert.throws(() => filing({ requester: { ...ana, ...claude } }), { rule: "break-glass-by-person" });
    assert.throws(() => filing({ requester: { ...ana, machine: true } }), { rule: "break-glass-by-person" });
    assert.throws(() => filing({ reviewOwed: true }), { rule: "review-owed" });
  });
});
