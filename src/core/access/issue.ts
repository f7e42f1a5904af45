import { newId } from "../../base/ids.ts";
import type { Grant } from "./grant.ts";
import type { AccessRequest } from "./request.ts";

/** The grant that an approved request issues, and the request naming it. The clock starts now; the shortest review counts. */
export function issueGrant(request: AccessRequest, now: Date): { request: AccessRequest; grant: Grant } {
  const approvals = request.reviews.filter(({ answer }) => answer === "approve");
  const duration = Math.min(
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
