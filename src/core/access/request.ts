import type { Digest } from "../../base/bytes.ts";
import { IhcError } from "../../base/errors.ts";
import type { GrantId, RequestId, SessionId } from "../../base/ids.ts";
import type { Json } from "../../base/json.ts";
import type { Attributes, Effect, Shown } from "../session/operation.ts";
import type { Principal } from "./principal.ts";
import type { Review } from "./review.ts";
import type { Slot } from "./slot.ts";

export type RequestState = "pending" | "approved" | "denied" | "expired" | "canceled" | "used";

/** The operation that an operation approval is bound to. */
export interface HeldOperation {
  readonly session: SessionId;
  readonly kind: string;
  /** The exact text while the request is pending; the masked text afterwards. */
  readonly text: string;
  readonly parameters: readonly Json[];
  readonly shown?: Shown;
  readonly effect: Effect;
  readonly resources: readonly string[];
  readonly traits: readonly string[];
  readonly attributes?: Attributes;
  /** Over canonical JSON of kind, text, parameters, target, requester's person and MCP client. */
  readonly digest: Digest;
}

/** Asks for a grant, or (kind `operation`) for leave to run one held operation once. Everything but state is fixed at filing. */
export interface AccessRequest {
  readonly id: RequestId;
  /** Goes up by one with each change; compare-and-set runs on state + version. */
  readonly version: number;
  readonly kind: "access" | "operation";
  readonly state: RequestState;
  readonly requester: Principal;
  readonly target: string;
  readonly effects: readonly Effect[];
  readonly reason: string;
  readonly incident?: string;
  /** Of the grant asked for, milliseconds. */
  readonly duration: number;
  readonly breakGlass: boolean;
  /** The policy that asks for the reviews, and who must give them. */
  readonly rule: string;
  readonly slots: readonly Slot[];
  readonly policyVersion: string;
  readonly operation?: HeldOperation;
  readonly createdAt: Date;
  /** When a pending request times out. */
  readonly expiresAt: Date;
  readonly decidedAt?: Date;
  readonly reviews: readonly Review[];
  readonly grant?: GrantId;
  /** A break-glass grant owes a review afterwards until somebody else has given one. */
  readonly reviewOwed: boolean;
}

/** Takes a pending request back. Only the person who filed it may, or the gateway itself when the client has gone. */
export function cancelRequest(request: AccessRequest, by: Principal | "gateway", now: Date): AccessRequest {
  if (by !== "gateway" && by.person !== request.requester.person)
    throw new IhcError("denied", "only the person who asked may cancel", {
      rule: "own-request-only",
      hint: `say no instead: ihc deny ${request.id}`,
    });
  const problem = notPending(request, now);
  if (problem) throw problem;
  return ended(request, "canceled", now);
}

/** Times a pending request out. Throws IhcError `conflict` when its time is not up. */
export function expireRequest(request: AccessRequest, now: Date): AccessRequest {
  if (request.state !== "pending" || now < request.expiresAt) throw stateConflict(request);
  return ended(request, "expired", now);
}

/**
 * Spends an operation approval: it is good for one run of exactly that operation, and only as long after the approval as
 * the reviewers had before it. Throws IhcError `conflict`.
 */
export function spendApproval(request: AccessRequest, digest: Digest, now: Date): AccessRequest {
  const { operation, decidedAt } = request;
  if (request.kind !== "operation" || request.state !== "approved" || !operation || !decidedAt)
    throw stateConflict(request);
  if (operation.digest !== digest)
    throw new IhcError("conflict", `${request.id} approved another operation`, {
      rule: "digest-differs",
      hint: "run the operation again to ask anew",
    });
  if (now.getTime() >= decidedAt.getTime() + request.duration)
    throw new IhcError("conflict", `the approval ${request.id} is too old`, {
      rule: "approval-too-old",
      hint: "run the operation again to ask anew",
    });
  return { ...request, version: request.version + 1, state: "used" };
}

/** Why the request does not wait for reviewers at this moment; undefined when it does. */
export function notPending(request: AccessRequest, now: Date): IhcError | undefined {
  if (request.state !== "pending") return stateConflict(request);
  if (now < request.expiresAt) return undefined;
  return new IhcError("conflict", `${request.id} has timed out`, {
    rule: "request-expired",
    hint: "it must be asked for again",
  });
}

/** With the operation's texts masked, as it is kept once nobody needs to read it for a review. Not a change of state. */
export function withoutSecrets(
  request: AccessRequest,
  shown: {
    readonly text: string;
    readonly parameters: readonly string[];
    readonly attributes?: Attributes;
  },
): AccessRequest {
  if (!request.operation) return request;
  const { shown: _, attributes: __, ...operation } = request.operation;
  return { ...request, operation: { ...operation, ...shown } };
}

function ended(request: AccessRequest, state: "canceled" | "expired", now: Date): AccessRequest {
  return { ...request, version: request.version + 1, state, decidedAt: now };
}

function stateConflict(request: AccessRequest): IhcError {
  return new IhcError("conflict", `${request.id} is ${request.state}${byWhom(request)}`, {
    rule: "request-state",
    hint: `look at it again: ihc requests ${request.id}`,
  });
}

/** Whoever comes second is told who was first. */
function byWhom({ state, reviews }: AccessRequest): string {
  const decisive = state === "approved" ? "approve" : state === "denied" ? "deny" : undefined;
  const names = reviews.flatMap(({ answer, name }) => (answer === decisive ? [name] : []));
  return names.length === 0 ? "" : ` by ${names.join(", ")}`;
}
