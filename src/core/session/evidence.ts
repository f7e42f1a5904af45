import type { Digest } from "../../base/bytes.ts";
import type { OperationId, RequestId } from "../../base/ids.ts";
import type { Json } from "../../base/json.ts";
import type { MaskedOperation } from "./masked-operation.ts";
import type { Operation } from "./operation.ts";
import type { SessionParts } from "./parts.ts";
import type { Allow, Denial, Hold } from "./verdict.ts";

/** One operation on its way through admit(): what was asked, and how it may be shown. */
export interface Asked {
  readonly parts: SessionParts;
  readonly op: Operation;
  readonly id: OperationId;
  readonly digest: Digest;
  readonly shown: MaskedOperation;
}

/** The request that lifted a hold and the names of those who approved. */
export interface Approval {
  readonly request: RequestId;
  readonly by: readonly string[];
}

/**
 * Characters of a statement, of all its parameters together and of a reason in the audit log, so that an entry always has
 * room for them; the journal holds all of it and the digest vouches for it.
 */
const auditText = 3000;

/** Adds what was asked to the journal; the verdict that follows waits for both. */
export function recordAsked({ parts, op, id, digest, shown }: Asked): void {
  parts.journal.add({
    type: "operation",
    connection: parts.connection,
    operation: id,
    kind: op.kind,
    text: shown.text,
    parameters: shown.parameters,
    effect: op.effect,
    resources: op.resources,
    traits: op.traits,
    ...(shown.attributes ? { attributes: shown.attributes } : {}),
    digest,
  });
}

/** Resolves once the permission is on record. Rejects when it cannot be: then nothing may be sent. */
export async function recordAllow(asked: Asked, verdict: Allow, approval?: Approval): Promise<void> {
  const approved = approval ? { request: approval.request, approvedBy: approval.by } : {};
  const { parts, op, id } = asked;
  await parts.journal.append(
    { type: "verdict", operation: id, verdict: "allow", rule: verdict.rule, ...approved },
    durability(op),
  );
  if (approval)
    await audit(asked, "operation.approved", verdict.rule, {
      request: approval.request,
      approvedBy: approval.by,
    });
}

export async function recordHold(asked: Asked, hold: Hold): Promise<void> {
  const reason = asked.parts.masks.text(hold.reason).slice(0, auditText);
  await asked.parts.journal.append(
    { type: "verdict", operation: asked.id, verdict: "hold", rule: hold.rule, reason },
    "durable",
  );
  const slots = hold.slots.map(({ group, people }) => ({ group, people }));
  await audit(asked, "operation.held", hold.rule, { reason, slots });
}

export async function recordDenial(asked: Asked, denial: Denial, request?: RequestId): Promise<void> {
  const reason = asked.parts.masks.text(denial.reason).slice(0, auditText);
  const asking = request ? { request } : {};
  await asked.parts.journal.append(
    { type: "verdict", operation: asked.id, verdict: "deny", rule: denial.rule, reason, ...asking },
    durability(asked.op),
  );
  await audit(asked, "operation.denied", denial.rule, { reason, ...asking });
}

function durability(op: Operation): "written" | "durable" {
  return op.effect === "read" ? "written" : "durable";
}

function audit(
  asked: Asked,
  kind: string,
  rule: string,
  more: { readonly [key: string]: Json },
): Promise<void> {
  const { parts, op, id, digest, shown } = asked;
  const principal = parts.principal();
  return parts.audit.enqueue({
    kind,
    at: parts.clock.now(),
    actor: principal.name,
    detail: {
      session: parts.id,
      operation: id,
      target: parts.target().name,
      person: principal.person,
      via: principal.via?.name ?? null,
      kind: op.kind,
      effect: op.effect,
      text: shown.text.slice(0, auditText),
      parameters: clipped(shown.parameters),
      digest,
      rule,
      ...more,
    },
  });
}

function clipped(parameters: readonly string[]): string[] {
  let left = auditText;
  return parameters.slice(0, 100).map((parameter) => {
    const part = parameter.slice(0, left);
    left -= part.length;
    return part;
  });
}
