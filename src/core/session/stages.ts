import type { Grant } from "../access/grant.ts";
import type { Policy } from "../access/policy.ts";
import type { Principal } from "../access/principal.ts";
import type { Target } from "../access/target.ts";
import type { Operation } from "./operation.ts";
import type { Verdict } from "./verdict.ts";

/** What the stages know besides the operation. Read anew for each question, so that a revocation or reload counts at once. */
export interface Circumstances {
  readonly principal: Principal;
  readonly target: Target;
  readonly grant: Grant | undefined;
  readonly incident: string | undefined;
  readonly policy: Pick<Policy, "judge">;
  /** Groups whose slots reviewers have filled for this very operation. */
  readonly approvedBy: readonly string[];
  /** Whether the audit log takes entries now. */
  readonly auditable: boolean;
  readonly now: Date;
  readonly signal: AbortSignal;
}

interface Stage {
  readonly name: string;
  readonly ask: (op: Operation, at: Circumstances) => Verdict;
}

/** The security order of every operation. The first stage that does not allow decides. */
export const stages: readonly Stage[] = [
  { name: "session alive", ask: sessionAlive },
  { name: "grant alive", ask: grantAlive },
  { name: "audit log alive", ask: auditAlive },
  { name: "protocol refusal", ask: protocolRefusal },
  { name: "policy", ask: policy },
];

/** Asks every stage in order. The rule of an allow is the last stage's, the policy that permits. */
export function judge(op: Operation, at: Circumstances): Verdict {
  let verdict: Verdict = { kind: "deny", rule: "no-stage", reason: "nothing has judged the operation" };
  for (const stage of stages) {
    verdict = stage.ask(op, at);
    if (verdict.kind !== "allow") return verdict;
  }
  return verdict;
}

function sessionAlive(_op: Operation, at: Circumstances): Verdict {
  if (!at.signal.aborted) return { kind: "allow", rule: "session-alive" };
  const hint = "connect again: ihc connect, followed by the target";
  return { kind: "deny", rule: "session-ended", reason: "the session has ended", hint };
}

function grantAlive(_op: Operation, at: Circumstances): Verdict {
  const { grant, now } = at;
  if (!grant || (grant.state === "active" && grant.startsAt <= now && now < grant.expiresAt))
    return { kind: "allow", rule: "grant-alive" };
  const ended = grant.state === "revoked" ? "was revoked" : "has ended";
  const hint = `ask for a new one: ihc request ${at.target.name}`;
  return { kind: "deny", rule: "grant-ended", reason: `grant ${grant.id} ${ended}`, hint };
}

/** What changes something must not happen unseen; a read is in the session's own recording. */
function auditAlive(op: Operation, at: Circumstances): Verdict {
  if (at.auditable || op.effect === "read") return { kind: "allow", rule: "audit-alive" };
  const reason = "the audit log cannot be written, so nothing but reads may pass";
  return { kind: "deny", rule: "audit-unavailable", reason, hint: "tell the gateway's operator" };
}

function protocolRefusal(op: Operation): Verdict {
  if (!op.refusal) return { kind: "allow", rule: "protocol" };
  return { kind: "deny", ...op.refusal };
}

function policy(op: Operation, at: Circumstances): Verdict {
  return at.policy.judge({
    principal: at.principal,
    target: at.target,
    effect: op.effect,
    kind: op.kind,
    resources: op.resources,
    traits: op.traits,
    ...(op.attributes ? { attributes: op.attributes } : {}),
    approvedBy: at.approvedBy,
    now: at.now,
    ...(at.incident === undefined ? {} : { incident: at.incident }),
    ...(at.grant ? { grant: at.grant } : {}),
  });
}
