import type { Digest } from "../../base/bytes.ts";
import { IhcError } from "../../base/errors.ts";
import { newId, type SessionId } from "../../base/ids.ts";
import type { Effect, Operation } from "../session/operation.ts";
import type { Hold } from "../session/verdict.ts";
import type { Grant } from "./grant.ts";
import { issueGrant } from "./issue.ts";
import type { Principal } from "./principal.ts";
import type { AccessRequest } from "./request.ts";
import type { Slot } from "./slot.ts";

/** A request for a grant, as policy's `needs-grant` decision frames it. Durations in milliseconds. */
export interface AccessFiling {
  readonly requester: Principal;
  readonly target: string;
  readonly decision: {
    readonly rule: string;
    readonly slots: readonly Slot[];
    readonly effects: readonly Effect[];
    readonly longest: number;
  };
  readonly reason: string;
  readonly incident?: string;
  readonly duration: number;
  readonly breakGlass: boolean;
  /** Whether an earlier break-glass grant of this person still owes its review. */
  readonly reviewOwed: boolean;
  readonly policyVersion: string;
  /** How long reviewers have. */
  readonly ttl: number;
  readonly now: Date;
}

export interface Filed {
  readonly request: AccessRequest;
  /** Break-glass is granted at once. */
  readonly grant?: Grant;
}

/**
 * Files a request for a grant. Policy's longest shortens what is asked for. Break-glass is approved at once and owes a
 * review; an MCP client or a machine cannot use it, and nobody can twice before the first has been reviewed, so that it
 * cannot be stretched without end. Throws IhcError `invalid` or `denied`.
 */
export function fileAccess(filing: AccessFiling): Filed {
  const { decision, now, breakGlass } = filing;
  if (filing.reason.trim() === "")
    throw new IhcError("invalid", "a request needs a reason", { hint: 'say why: --reason "what is broken"' });
  if (!(filing.duration > 0))
    throw new IhcError("invalid", "a grant needs a duration", { hint: "say it like --for 1h" });
  if (breakGlass) refuseBreakGlass(filing);
  const request: AccessRequest = {
    id: newId("req"),
    version: 1,
    kind: "access",
    state: breakGlass ? "approved" : "pending",
    requester: filing.requester,
    target: filing.target,
    effects: decision.effects,
    reason: filing.reason,
    ...(filing.incident === undefined ? {} : { incident: filing.incident }),
    duration: Math.min(filing.duration, decision.longest),
    breakGlass,
    rule: decision.rule,
    slots: decision.slots,
    policyVersion: filing.policyVersion,
    createdAt: now,
    expiresAt: new Date(now.getTime() + filing.ttl),
    ...(breakGlass ? { decidedAt: now } : {}),
    reviews: [],
    reviewOwed: breakGlass,
  };
  return breakGlass ? issueGrant(request, now) : { request };
}

/** A held operation on its way to reviewers. */
export interface OperationFiling {
  readonly session: SessionId;
  readonly requester: Principal;
  readonly target: string;
  readonly op: Operation;
  readonly hold: Hold;
  readonly digest: Digest;
  /** The session's. */
  readonly reason: string;
  readonly incident?: string;
  readonly breakGlass: boolean;
  readonly policyVersion: string;
  readonly now: Date;
}

/** Files the request that a hold asks for; it waits as long as the policy's `@within` says. */
export function fileOperation(filing: OperationFiling): AccessRequest {
  const { op, hold, now } = filing;
  return {
    id: newId("req"),
    version: 1,
    kind: "operation",
    state: "pending",
    requester: filing.requester,
    target: filing.target,
    effects: [op.effect],
    reason: filing.reason,
    ...(filing.incident === undefined ? {} : { incident: filing.incident }),
    duration: hold.within,
    breakGlass: filing.breakGlass,
    rule: hold.rule,
    slots: hold.slots,
    policyVersion: filing.policyVersion,
    operation: {
      session: filing.session,
      kind: op.kind,
      text: op.text,
      parameters: op.parameters,
      ...(op.shown ? { shown: op.shown } : {}),
      effect: op.effect,
      resources: op.resources,
      traits: op.traits,
      ...(op.attributes ? { attributes: op.attributes } : {}),
      digest: filing.digest,
    },
    createdAt: now,
    expiresAt: new Date(now.getTime() + hold.within),
    reviews: [],
    reviewOwed: false,
  };
}

function refuseBreakGlass({ requester, reviewOwed }: AccessFiling): void {
  if (requester.via || requester.machine)
    throw new IhcError("denied", "break-glass is for people, not for programs that act for them", {
      rule: "break-glass-by-person",
      hint: "stop and ask the person to do it themselves",
    });
  if (reviewOwed)
    throw new IhcError("denied", "your last break-glass grant has not been reviewed yet", {
      rule: "review-owed",
      hint: "ask somebody to review it, or request an ordinary grant",
    });
}
