import { type Digest, sha256 } from "../../base/bytes.ts";
import type { RequestId } from "../../base/ids.ts";
import { operationDigest } from "../access/digest.ts";
import type { Reviewed } from "./approvals.ts";
import { type Approval, type Asked, recordAllow, recordAsked, recordDenial, recordHold } from "./evidence.ts";
import { operationMasker } from "./masked-operation.ts";
import type { Admitted, Operation } from "./operation.ts";
import { operationIds } from "./operation-ids.ts";
import type { SessionParts } from "./parts.ts";
import type { Admission, AdmitOptions } from "./session.ts";
import { judge } from "./stages.ts";
import type { Allow, Denial, Hold, Verdict } from "./verdict.ts";
import type { VerdictCache } from "./verdict-cache.ts";

/** What admit() needs of a session: its parts, with the signal that ends it and a cache of verdicts. */
export type AdmitParts = SessionParts & { readonly verdicts: VerdictCache };

/**
 * Makes a session's admit(), the only maker of Admitted operations. Order: ask every stage; where policy holds, record the
 * hold, wait for reviewers, ask every stage again with their approval, spend the approval; record the verdict (on the disk
 * for effects above read, in the file for reads); only then admit. What cannot be put on record is denied. Never rejects.
 */
export function admitter(parts: AdmitParts) {
  const mask = operationMasker(parts.masks);
  const nextId = operationIds();
  return async <Op extends Operation>(op: Op, options: AdmitOptions = {}): Promise<Admission<Op>> => {
    const id = nextId();
    try {
      const digest = digestOf(op, parts);
      const asked: Asked = { parts, op, id, digest: digest ?? sha256(JSON.stringify(op)), shown: mask(op) };
      recordAsked(asked);
      const verdict = digest ? ask(parts, op, []) : unreadable;
      const outcome = await (verdict.kind === "hold"
        ? held(parts, asked, verdict, options)
        : settle(asked, verdict));
      if (outcome.kind === "deny") return { ok: false, id, denial: outcome };
      return { ok: true, id, op: op as Admitted<Op> };
    } catch {
      return { ok: false, id, denial: unwritable };
    }
  };
}

/** Records the verdict and returns it: no entry, no permission. */
async function settle(asked: Asked, verdict: Allow | Denial, approval?: Approval): Promise<Allow | Denial> {
  if (verdict.kind === "allow") await recordAllow(asked, verdict, approval);
  else await recordDenial(asked, verdict, approval?.request);
  return verdict;
}

async function held(
  parts: AdmitParts,
  asked: Asked,
  hold: Hold,
  options: AdmitOptions,
): Promise<Allow | Denial> {
  if (options.mayHold === false) return settle(asked, cannotWait(hold));
  await recordHold(asked, hold);
  const signal = options.signal ? AbortSignal.any([parts.signal, options.signal]) : parts.signal;
  const reviewed = await parts.approvals.review(asked.op, hold, asked.digest, {
    signal,
    onHold: (filed) => {
      parts.journal.add({ type: "note", text: `held as ${filed.request}`, operation: asked.id });
      options.onHold?.(filed);
    },
  });
  if (reviewed.kind !== "approved") return settleRefused(asked, hold, reviewed);
  const { request, by } = reviewed;
  const verdict = await afterApproval(parts, asked, hold, request, signal);
  return settle(asked, verdict, { request, by });
}

function cannotWait(hold: Hold): Denial {
  const groups = hold.slots.map(({ group }) => group).join(", ");
  return deny(
    hold.rule,
    `it needs approval by ${groups}, and this request cannot wait: ${hold.reason}`,
    "ask without a time-out, so that it can wait for reviewers",
  );
}

/** The world may have changed while the reviewers thought, so every stage is asked again before the approval is spent. */
async function afterApproval(
  parts: AdmitParts,
  { op, digest }: Asked,
  hold: Hold,
  request: RequestId,
  signal: AbortSignal,
): Promise<Allow | Denial> {
  if (signal.aborted)
    return deny("client-gone", "the client or the session went away while the operation was held");
  if (digestOf(op, parts) !== digest)
    return deny("operation-changed", "this is not the operation that was approved");
  const groups = hold.slots.map(({ group }) => group);
  const verdict = ask(parts, op, groups);
  if (verdict.kind === "hold")
    return deny(verdict.rule, `approval by ${groups.join(", ")} does not lift this rule: ${verdict.reason}`);
  if (verdict.kind === "deny") return verdict;
  if (await parts.approvals.use(request, digest)) return verdict;
  return deny(
    "approval-spent",
    `approval ${request} is good for one operation and has been used`,
    "run it again to ask anew",
  );
}

async function settleRefused(
  asked: Asked,
  hold: Hold,
  reviewed: Exclude<Reviewed, { kind: "approved" }>,
): Promise<Denial> {
  const denial = refused(hold, reviewed);
  await recordDenial(asked, denial, reviewed.request);
  return denial;
}

function refused(hold: Hold, reviewed: Exclude<Reviewed, { kind: "approved" }>): Denial {
  const { request } = reviewed;
  if (reviewed.kind === "denied") {
    const why = reviewed.comment ? `: ${reviewed.comment}` : "";
    const reason = `${request} was denied by ${reviewed.by.join(", ")}${why}`;
    return deny(hold.rule, reason, "stop here and talk to the reviewer");
  }
  if (reviewed.kind === "expired")
    return deny(hold.rule, `nobody approved ${request} in time`, "ask a reviewer, then run it again");
  return deny(hold.rule, `${request} was canceled`);
}

function ask(parts: AdmitParts, op: Operation, approvedBy: readonly string[]): Verdict {
  return judge(op, {
    principal: parts.principal(),
    target: parts.target(),
    grant: parts.grant(),
    incident: parts.incident,
    policy: { judge: (question) => parts.verdicts.judge(parts.policy(), question) },
    approvedBy,
    auditable: parts.auditable?.() ?? true,
    now: parts.clock.now(),
    signal: parts.signal,
  });
}

/** Undefined when the text has no canonical form, so that no approval could be bound to it. */
function digestOf(op: Operation, parts: SessionParts): Digest | undefined {
  try {
    return operationDigest(op, parts.target().name, parts.principal());
  } catch (error) {
    if (error instanceof TypeError) return;
    throw error;
  }
}

function deny(rule: string, reason: string, hint?: string): Denial {
  return { kind: "deny", rule, reason, ...(hint === undefined ? {} : { hint }) };
}

const unreadable = deny("unreadable-text", "the text is not well-formed Unicode");

const unwritable = deny(
  "journal-unwritable",
  "the decision could not be put on record, so nothing was sent",
  "tell the gateway's operator; the session ends",
);
