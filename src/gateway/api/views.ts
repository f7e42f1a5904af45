import type { z } from "zod";
import { notReviewable } from "../../core/access/decide.ts";
import { requestDigest } from "../../core/access/digest.ts";
import type { Grant } from "../../core/access/grant.ts";
import type { AccessDecision } from "../../core/access/policy.ts";
import type { Principal } from "../../core/access/principal.ts";
import type { AccessRequest } from "../../core/access/request.ts";
import type { SessionRecord } from "../../core/access/session-record.ts";
import type {
  accessView,
  ChunkView,
  GrantView,
  RequestView,
  SessionView,
  TargetView,
} from "../../core/api/schema.ts";
import type { Attributes } from "../../core/session/operation.ts";
import type { ChunkRecord } from "../../storage/store.ts";
import type { ServedTarget } from "../in-force.ts";

/** A request as one caller sees it. */
export function viewRequest(request: AccessRequest, caller: Principal, now: Date): RequestView {
  const problem = notReviewable(request, caller, now);
  return {
    id: request.id,
    version: request.version,
    kind: request.kind,
    state: request.state,
    requester: {
      name: request.requester.name,
      ...(request.requester.via ? { via: request.requester.via.name } : {}),
    },
    target: request.target,
    effects: [...request.effects],
    reason: request.reason,
    ...(request.incident === undefined ? {} : { incident: request.incident }),
    duration: request.duration,
    break_glass: request.breakGlass,
    rule: request.rule,
    slots: request.slots.map((slot) => ({ ...slot })),
    digest: requestDigest(request),
    ...(request.operation ? { operation: viewOperation(request.operation) } : {}),
    created_at: request.createdAt.toISOString(),
    expires_at: request.expiresAt.toISOString(),
    ...(request.decidedAt ? { decided_at: request.decidedAt.toISOString() } : {}),
    reviews: request.reviews.map((review) => ({
      name: review.name,
      answer: review.answer,
      at: review.at.toISOString(),
      ...(review.comment === undefined ? {} : { comment: review.comment }),
      ...(review.duration === undefined ? {} : { duration: review.duration }),
    })),
    ...(request.grant === undefined ? {} : { grant: request.grant }),
    review_owed: request.reviewOwed,
    reviewable: problem ? { ok: false, why: problem.message } : { ok: true },
    mine: request.requester.person === caller.person,
  };
}

function viewOperation(operation: NonNullable<AccessRequest["operation"]>) {
  return {
    session: operation.session,
    kind: operation.kind,
    text: operation.text,
    parameters: [...operation.parameters],
    effect: operation.effect,
    resources: [...operation.resources],
    traits: [...operation.traits],
    ...(operation.attributes ? { attributes: viewAttributes(operation.attributes) } : {}),
    digest: operation.digest,
  };
}

function viewAttributes({ programs, ...texts }: Attributes): Record<string, string | string[]> {
  return { ...texts, ...(programs ? { programs: [...programs] } : {}) };
}

export function viewGrant(grant: Grant, caller: Principal): GrantView {
  return {
    id: grant.id,
    version: grant.version,
    state: grant.state,
    request: grant.request,
    person: grant.principal.name,
    target: grant.target,
    effects: [...grant.effects],
    reason: grant.reason,
    ...(grant.incident === undefined ? {} : { incident: grant.incident }),
    break_glass: grant.breakGlass,
    approved_by: [...grant.approvedBy],
    starts_at: grant.startsAt.toISOString(),
    expires_at: grant.expiresAt.toISOString(),
    ...(grant.endedAt ? { ended_at: grant.endedAt.toISOString() } : {}),
    ...(grant.endedBy === undefined ? {} : { ended_by: grant.endedBy }),
    mine: grant.principal.person === caller.person,
  };
}

export function viewSession(session: SessionRecord, connections: number): SessionView {
  return {
    id: session.id,
    version: session.version,
    state: session.state,
    person: session.principal.name,
    ...(session.principal.via ? { via: session.principal.via.name } : {}),
    target: session.target,
    protocol: session.protocol,
    ...(session.grant === undefined ? {} : { grant: session.grant }),
    reason: session.reason,
    ...(session.incident === undefined ? {} : { incident: session.incident }),
    break_glass: session.breakGlass,
    opened_at: session.openedAt.toISOString(),
    expires_at: session.expiresAt.toISOString(),
    ...(session.endedAt ? { ended_at: session.endedAt.toISOString() } : {}),
    ...(session.endReason === undefined ? {} : { end_reason: session.endReason }),
    ...(session.endCode === undefined ? {} : { end_code: session.endCode }),
    complete: session.complete,
    connections,
  };
}

export function viewTarget(served: ServedTarget, access: AccessDecision): TargetView {
  return {
    name: served.target.name,
    protocol: served.target.protocol,
    labels: { ...served.target.labels },
    access: viewAccess(access),
    client: { ...served.client },
  };
}

function viewAccess(access: AccessDecision): z.infer<typeof accessView> {
  if (access.kind === "allow") return { kind: "allow", rule: access.rule, effects: [...access.effects] };
  if (access.kind === "needs-grant")
    return {
      kind: "needs-grant",
      rule: access.rule,
      effects: [...access.effects],
      slots: access.slots.map((slot) => ({ ...slot })),
      longest: access.longest,
    };
  return {
    kind: "deny",
    rule: access.rule,
    reason: access.reason,
    ...(access.hint === undefined ? {} : { hint: access.hint }),
  };
}

export function viewChunk(row: ChunkRecord): ChunkView {
  const { track, number, digest, previous, bytes, events, sealedAt, received, late } = row;
  return {
    track,
    number,
    digest,
    previous,
    bytes,
    events,
    sealed_at: sealedAt.toISOString(),
    ...(received === undefined ? {} : { received }),
    ...(late === undefined ? {} : { late }),
  };
}
