import { IhcError } from "../base/errors.ts";
import type { RequestId } from "../base/ids.ts";
import { fileAccess } from "../core/access/filing.ts";
import { dayFull } from "../core/access/issue.ts";
import type { Principal } from "../core/access/principal.ts";
import { type AccessRequest, cancelRequest, expireRequest } from "../core/access/request.ts";
import type { RequestInput } from "../core/api/schema.ts";
import type { Tables } from "../storage/store.ts";
import type { InForce } from "./in-force.ts";
import { actorName, changeRequest, grantEntry, type Records, requestEntry } from "./records.ts";
import { remaining } from "./reviews.ts";

/** Pending requests that one person may have at a time, so that nobody buries the reviewers. */
const mostPending = 50;

/** Files a request for a grant, if policy asks for one. Throws IhcError `denied`, `conflict`, `invalid`, `not-found`. */
export async function fileRequest(
  records: Records,
  inForce: InForce,
  requester: Principal,
  input: RequestInput,
): Promise<AccessRequest> {
  const now = records.clock.now();
  const breakGlass = input.break_glass ?? false;
  const decision = needed(inForce, requester, input, breakGlass, now);
  const about = { kind: "access", requester, target: input.target, breakGlass } as const;
  // What is counted is counted in the transaction that adds to it, or requests sent at once would all be the first.
  return records.store.atomically(async (tables) => {
    const { timeLeft = decision.longest } = await remaining(tables, inForce, about, now);
    if (timeLeft <= 0) throw dayFull(input.target);
    const filed = fileAccess({
      requester,
      target: input.target,
      decision: { ...decision, longest: Math.min(decision.longest, timeLeft) },
      reason: input.reason,
      ...(input.incident === undefined ? {} : { incident: input.incident }),
      duration: input.duration ?? Math.min(inForce.defaultDuration, decision.longest),
      breakGlass,
      reviewOwed: breakGlass && (await owesReview(tables, requester)),
      policyVersion: inForce.policy.version,
      ttl: inForce.requestTtl,
      now,
    });
    await refuseTooMany(tables, requester);
    const actor = actorName(requester);
    await tables.requests.insert(filed.request);
    await tables.enqueue(requestEntry(records, "request.created", filed.request, actor, now));
    if (!filed.grant) return filed.request;
    await tables.grants.insert(filed.grant);
    await tables.enqueue(grantEntry("grant.issued", filed.grant, actor, now));
    return filed.request;
  });
}

function needed(inForce: InForce, requester: Principal, input: RequestInput, breakGlass: boolean, now: Date) {
  const served = inForce.targets.get(input.target);
  if (!served) throw new IhcError("not-found", "no such target", { hint: "see ihc targets" });
  const decision = inForce.policy.access(
    requester,
    served.target,
    input.effects,
    breakGlass,
    now,
    input.incident,
  );
  if (decision.kind === "needs-grant")
    return { ...decision, longest: Math.min(decision.longest, inForce.maxDuration) };
  if (decision.kind === "allow")
    throw new IhcError("conflict", "policy lets you in without a request", {
      rule: decision.rule,
      hint: `connect: ihc connect ${served.target.name}`,
    });
  throw new IhcError("denied", decision.reason, {
    rule: decision.rule,
    ...(decision.hint === undefined ? {} : { hint: decision.hint }),
  });
}

/** Takes a request back, for its requester or for the gateway. */
export function cancel(
  records: Records,
  by: Principal | "gateway",
  id: RequestId,
  version?: number,
): Promise<AccessRequest> {
  return changeRequest(records, id, version, (current, now) => {
    const request = cancelRequest(current, by, now);
    const actor = by === "gateway" ? by : actorName(by);
    return { request, entries: [requestEntry(records, "request.canceled", request, actor, now)] };
  });
}

/** Times a pending request out. */
export function expire(records: Records, id: RequestId): Promise<AccessRequest> {
  return changeRequest(records, id, undefined, (current, now) => {
    const request = expireRequest(current, now);
    return { request, entries: [requestEntry(records, "request.expired", request, "gateway", now)] };
  });
}

/** Cancels held operations that nobody waits for any more, because the gateway that held them is gone. Run it at the start. */
export async function cancelOrphans(records: Records): Promise<void> {
  const pending = await records.store.requests.list({ states: ["pending"], limit: 10_000 });
  for (const { id, kind, expiresAt } of pending) {
    if (kind !== "operation") continue;
    await (records.clock.now() < expiresAt ? cancel(records, "gateway", id) : expire(records, id));
  }
}

async function owesReview({ requests }: Tables, { person }: Principal): Promise<boolean> {
  const approved = await requests.list({ person, states: ["approved"], limit: 500 });
  return approved.some(({ reviewOwed }) => reviewOwed);
}

async function refuseTooMany({ requests }: Tables, { person }: Principal): Promise<void> {
  const pending = await requests.list({ person, states: ["pending"], limit: mostPending });
  if (pending.length >= mostPending)
    throw new IhcError("rate-limited", `you have ${mostPending} requests waiting`, {
      hint: "cancel some: ihc requests",
    });
}
