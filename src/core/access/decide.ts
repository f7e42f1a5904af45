import { IhcError } from "../../base/errors.ts";
import { operationDigest, requestDigest } from "./digest.ts";
import type { Grant } from "./grant.ts";
import { issueGrant } from "./issue.ts";
import type { Principal } from "./principal.ts";
import { type AccessRequest, notPending } from "./request.ts";
import type { Review } from "./review.ts";
import { seats, seatsFilled } from "./slot.ts";

/** One reviewer's answer, bound by `digest` to what they were shown. */
export interface Answer {
  readonly reviewer: Principal;
  readonly answer: "approve" | "deny";
  readonly digest: string;
  /** Shortens the grant, milliseconds. */
  readonly duration?: number;
  readonly comment?: string;
  readonly now: Date;
  /** What is left of the requester's time on the target, milliseconds; shortens the grant. */
  readonly timeLeft?: number;
}

export interface Decided {
  readonly request: AccessRequest;
  /** Issued when the last slot of an access request was filled. */
  readonly grant?: Grant;
}

/**
 * Adds one review. One denial ends a request; approval needs every slot filled by different people. A break-glass request
 * that owes its review is settled by the first answer. Throws IhcError `denied` or `conflict` with the rule that says no.
 */
export function decide(request: AccessRequest, answer: Answer): Decided {
  const problem = notReviewable(request, answer.reviewer, answer.now);
  if (problem) throw problem;
  if (answer.digest !== requestDigest(request))
    throw refuse("conflict", "digest-differs", "this is not what the digest was made of", "look at it again");
  checkShown(request);
  checkSeat(request, answer);
  checkDuration(request, answer);
  const next: AccessRequest = {
    ...request,
    version: request.version + 1,
    reviews: [...request.reviews, reviewOf(answer)],
  };
  if (request.reviewOwed) return { request: { ...next, reviewOwed: false } };
  if (answer.answer === "deny") return { request: { ...next, state: "denied", decidedAt: answer.now } };
  if (seatsFilled(request.slots, approvals(next)) < seats(request.slots)) return { request: next };
  const approved: AccessRequest = { ...next, state: "approved", decidedAt: answer.now };
  return request.kind === "access"
    ? issueGrant(approved, answer.now, answer.timeLeft)
    : { request: approved };
}

/** Why this principal may not review that request now; undefined when they may. Said in listings, enforced by `decide`. */
export function notReviewable(request: AccessRequest, reviewer: Principal, now: Date): IhcError | undefined {
  return (
    notAPerson(reviewer) ??
    notTheirs(request, reviewer) ??
    (request.reviewOwed ? undefined : notPending(request, now)) ??
    noSeat(request, reviewer)
  );
}

/** Why this principal reviews nothing at all; undefined for a person. */
export function notAPerson(reviewer: Principal): IhcError | undefined {
  if (reviewer.via)
    return refuse(
      "denied",
      "no-review-by-agent",
      "an MCP client may not review",
      "the person must do it themselves",
    );
  if (reviewer.machine)
    return refuse(
      "denied",
      "no-review-by-machine",
      "a machine identity may not review",
      "log in as a person",
    );
  return undefined;
}

function notTheirs(request: AccessRequest, reviewer: Principal): IhcError | undefined {
  if (reviewer.person === request.requester.person)
    return refuse(
      "denied",
      "own-request",
      "nobody reviews their own request",
      "ask somebody else to review it",
    );
  return undefined;
}

function noSeat(request: AccessRequest, reviewer: Principal): IhcError | undefined {
  const { slots } = request;
  if (request.reviews.some(({ person }) => person === reviewer.person))
    return refuse(
      "conflict",
      "already-answered",
      "you have answered this request before",
      "one answer a person",
    );
  if (slots.length === 0 && request.breakGlass) return undefined;
  const wanted = slots.map(({ group }) => group);
  if (!wanted.some((group) => reviewer.groups.includes(group)))
    return refuse(
      "denied",
      "not-a-reviewer",
      `this request is for ${wanted.join(" and ")} to review`,
      "ask somebody of that group; log in again if you joined it just now",
    );
  return undefined;
}

/** What the reviewer read must be what would run: a text that was changed where it is kept is not approved. */
function checkShown({ kind, operation, target, requester }: AccessRequest): void {
  if (
    kind !== "operation" ||
    (operation && operationDigest(operation, target, requester) === operation.digest)
  )
    return;
  throw refuse(
    "conflict",
    "digest-differs",
    "the operation that is shown is not the one that was asked for",
    "tell the gateway's operator: ihc audit verify",
  );
}

/** A yes that fills no seat is refused, so that nobody thinks it counted; a no is always heard. */
function checkSeat(request: AccessRequest, { reviewer, answer }: Answer): void {
  if (answer === "deny" || request.reviewOwed) return;
  const before = approvals(request);
  const after = [...before, { person: reviewer.person, groups: reviewer.groups }];
  if (seatsFilled(request.slots, after) === seatsFilled(request.slots, before))
    throw refuse(
      "conflict",
      "slot-full",
      "your group has given its reviews",
      "another group's review is still due",
    );
}

function checkDuration(request: AccessRequest, { duration }: Answer): void {
  if (duration === undefined) return;
  if (request.kind === "operation")
    throw refuse("invalid", "no-duration", "an operation approval has no duration", "leave the duration out");
  if (!(duration > 0)) throw refuse("invalid", "no-duration", "a duration is above zero", "deny instead");
  if (duration > request.duration)
    throw refuse(
      "denied",
      "shorten-only",
      "a reviewer may shorten a grant, not extend it",
      "a longer one must be asked for",
    );
}

function reviewOf({ reviewer, answer, now, duration, comment }: Answer): Review {
  return {
    person: reviewer.person,
    name: reviewer.name,
    groups: reviewer.groups,
    answer,
    at: now,
    ...(duration === undefined ? {} : { duration }),
    ...(comment === undefined ? {} : { comment }),
  };
}

function approvals(request: AccessRequest): readonly Review[] {
  return request.reviews.filter(({ answer }) => answer === "approve");
}

function refuse(
  code: "denied" | "conflict" | "invalid",
  rule: string,
  message: string,
  hint: string,
): IhcError {
  return new IhcError(code, message, { rule, hint });
}
