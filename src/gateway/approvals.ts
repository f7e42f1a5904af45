import type { Digest } from "../base/bytes.ts";
import { IhcError } from "../base/errors.ts";
import type { RequestId, SessionId } from "../base/ids.ts";
import { fileOperation } from "../core/access/filing.ts";
import type { Principal } from "../core/access/principal.ts";
import { type AccessRequest, spendApproval } from "../core/access/request.ts";
import type { Approvals, Reviewed } from "../core/session/approvals.ts";
import { actorName, changeRequest, type Records, requestEntry } from "./records.ts";
import { cancel, expire } from "./requests.ts";

/** Whose operations are held, and what the reviewers are told about the session. */
export interface HeldFor {
  readonly session: SessionId;
  readonly principal: Principal;
  readonly target: string;
  readonly reason: string;
  readonly incident?: string;
  readonly breakGlass: boolean;
  readonly policyVersion: () => string;
}

/** The longest nap between two looks at the clock, milliseconds: it may jump. */
const nap = 1000;

/** Files held operations as requests, waits for their reviewers, and spends approvals once. */
export function approvalsFor(records: Records, held: HeldFor): Approvals {
  return {
    async review(op, hold, digest, { signal, onHold }) {
      const now = records.clock.now();
      const { session, principal, policyVersion, ...about } = held;
      const request = fileOperation({
        session,
        requester: principal,
        ...about,
        op,
        hold,
        digest,
        policyVersion: policyVersion(),
        now,
      });
      await records.store.atomically(async (tables) => {
        await tables.requests.insert(request);
        await tables.enqueue(requestEntry(records, "request.created", request, actorName(principal), now));
      });
      records.notify.changed(session);
      onHold({ request: request.id, hold, expiresAt: request.expiresAt });
      return outcome(records, request.id, signal);
    },
    use: (id, digest) => use(records, id, digest),
  };
}

async function outcome(records: Records, id: RequestId, signal: AbortSignal): Promise<Reviewed> {
  for (;;) {
    const request = await records.store.requests.get(id);
    if (!request) return { kind: "canceled", request: id };
    if (request.state !== "pending") return reviewed(request);
    const left = request.expiresAt.getTime() - records.clock.now().getTime();
    if (signal.aborted) await unlessDecided(cancel(records, "gateway", id));
    else if (left <= 0) await unlessDecided(expire(records, id));
    else await records.notify.next(id, Math.min(left, nap), signal);
  }
}

/** A reviewer may have been faster than the end of the wait; the loop then reads what they said. */
async function unlessDecided(change: Promise<unknown>): Promise<void> {
  try {
    await change;
  } catch (error) {
    if (!(error instanceof IhcError && error.code === "conflict")) throw error;
  }
}

function reviewed(request: AccessRequest): Reviewed {
  const { id, state, reviews } = request;
  const by = (answer: "approve" | "deny") =>
    reviews.filter((r) => r.answer === answer).map(({ name }) => name);
  if (state === "approved") return { kind: "approved", request: id, by: by("approve") };
  if (state === "expired") return { kind: "expired", request: id };
  if (state !== "denied") return { kind: "canceled", request: id };
  const comment = reviews.findLast(({ answer }) => answer === "deny")?.comment;
  return { kind: "denied", request: id, by: by("deny"), ...(comment === undefined ? {} : { comment }) };
}

async function use(records: Records, id: RequestId, digest: Digest): Promise<boolean> {
  try {
    await changeRequest(records, id, undefined, (current, now) => {
      const left = records.roster.left(current);
      if (left !== undefined) throw new IhcError("conflict", `${left} may not approve this any more`);
      const request = spendApproval(current, digest, now);
      return { request, entries: [requestEntry(records, "request.used", request, "gateway", now)] };
    });
    return true;
  } catch (error) {
    if (error instanceof IhcError && (error.code === "conflict" || error.code === "not-found")) return false;
    throw error;
  }
}
