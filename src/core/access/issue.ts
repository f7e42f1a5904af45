import { IhcError } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { Grant } from "./grant.ts";
import type { AccessRequest } from "./request.ts";

/**
 * The grant that an approved request issues, and the request naming it. The clock starts now; the shortest review counts, and
 * so does the time that the person has left. Throws IhcError `denied` when that is none.
 */
export function issueGrant(
  request: AccessRequest,
  now: Date,
  left = Number.POSITIVE_INFINITY,
): { request: AccessRequest; grant: Grant } {
  if (left <= 0) throw dayFull(request.target);
  const approvals = request.reviews.filter(({ answer }) => answer === "approve");
  const duration = Math.min(
    left,
    request.duration,
    ...approvals.map((review) => review.duration ?? request.duration),
  );
  const grant: Grant = {
    id: newId("gra"),
    version: 1,
    state: "active",
    request: request.id,
    principal: request.requester,
    target: request.target,
    effects: request.effects,
    ...(request.incident === undefined ? {} : { incident: request.incident }),
    reason: request.reason,
    breakGlass: request.breakGlass,
    approvedBy: approvals.map(({ name }) => name),
    slots: request.breakGlass ? [] : request.slots,
    startsAt: now,
    expiresAt: new Date(now.getTime() + duration),
  };
  return { request: { ...request, grant: grant.id }, grant };
}

export function dayFull(target: string): IhcError {
  return new IhcError("denied", `no more time is given on ${target} today`, {
    rule: "max-per-day",
    hint: "somebody else takes over, or break-glass",
  });
}
