import { IhcError } from "../base/errors.ts";
import type { RequestId } from "../base/ids.ts";
import { decide } from "../core/access/decide.ts";
import { reciprocity } from "../core/access/reciprocity.ts";
import type { AccessRequest } from "../core/access/request.ts";
import { day, timeLeft } from "../core/access/time-left.ts";
import type { ReviewInput } from "../core/api/schema.ts";
import type { AuditEntry } from "../core/audit/entry.ts";
import type { Tables } from "../storage/store.ts";
import type { Verified } from "./identity/verify.ts";
import type { InForce } from "./in-force.ts";
import type { Log } from "./log.ts";
import { actorName, type Changed, changeRequest, grantEntry, type Records, requestEntry } from "./records.ts";

export interface ReviewParts {
  readonly records: Records;
  readonly inForce: InForce;
  readonly log: Log;
}

/** One review, bound to the version and the digest that the reviewer saw. */
export async function reviewRequest(
  { records, inForce, log }: ReviewParts,
  who: Verified,
  id: RequestId,
  version: number,
  input: ReviewInput,
): Promise<AccessRequest> {
  refuseWeakLogin(inForce, who, records.clock.now());
  const { principal: reviewer } = who;
  let alerts: readonly AuditEntry[] = [];
  const reviewed = await changeRequest(
    records,
    id,
    version,
    async (current, now, tables): Promise<Changed> => {
      const { request, grant } = decide(current, {
        reviewer,
        answer: input.answer,
        digest: input.digest,
        ...(input.duration === undefined ? {} : { duration: input.duration }),
        ...(input.comment === undefined ? {} : { comment: input.comment }),
        ...(await remaining(tables, inForce, current, now)),
        now,
      });
      const actor = actorName(reviewer);
      alerts = await mutualApprovals(tables, inForce, request, who, now);
      const entries = [
        requestEntry(records, `request.reviewed`, request, actor, now, {
          answer: input.answer,
          reviewer: reviewer.person,
          digest: input.digest,
          state: request.state,
        }),
        ...(request.state === current.state
          ? []
          : [
              requestEntry(records, `request.${request.state}`, request, actor, now, {
                reviewer: reviewer.person,
              }),
            ]),
        ...(grant ? [grantEntry("grant.issued", grant, actor, now)] : []),
        ...alerts,
      ];
      return { request, ...(grant ? { grant } : {}), entries };
    },
  );
  for (const { kind, detail } of alerts) log.warn({ alert: kind, people: detail["people"] }, "alert");
  return reviewed;
}

function refuseWeakLogin({ reviewAmr, reviewAuthAge }: InForce, who: Verified, now: Date): void {
  if (reviewAmr.length > 0 && !reviewAmr.some((method) => who.principal.amr.includes(method)))
    throw new IhcError("denied", "a review needs a stronger login", {
      rule: "review-amr",
      hint: `log in with one of: ${reviewAmr.join(", ")}`,
    });
  if (reviewAuthAge === undefined) return;
  const { authenticatedAt } = who;
  if (authenticatedAt && now.getTime() - authenticatedAt.getTime() <= reviewAuthAge) return;
  throw new IhcError(
    "denied",
    authenticatedAt ? "a review needs a fresh login" : "a review needs a token that tells when you logged in",
    { rule: "review-auth-age", hint: "log in again yourself: ihc login --browser" },
  );
}

/** What is left of the requester's day on the target. Break-glass is bounded by the review that it owes instead. */
export async function remaining(
  tables: Pick<Tables, "grants">,
  { maxPerDay }: InForce,
  {
    kind,
    requester,
    target,
    breakGlass,
  }: Pick<AccessRequest, "kind" | "requester" | "target" | "breakGlass">,
  now: Date,
): Promise<{ readonly timeLeft?: number }> {
  if (kind !== "access" || breakGlass) return {};
  const grants = await tables.grants.list({ person: requester.person, target, limit: 1000 });
  return { timeLeft: timeLeft(grants, maxPerDay, now) };
}

/** The entry that reports two people who keep approving each other; it comes with each further approval. */
async function mutualApprovals(
  tables: Tables,
  { oversight }: InForce,
  request: AccessRequest,
  { principal: reviewer }: Verified,
  now: Date,
): Promise<readonly AuditEntry[]> {
  const { requester } = request;
  if (request.reviews.at(-1)?.answer !== "approve") return [];
  const theirs = await tables.requests.list({ person: requester.person, limit: 1000 });
  const own = await tables.requests.list({ person: reviewer.person, limit: 1000 });
  const newest = [request, ...theirs.filter(({ id }) => id !== request.id)];
  const { given, returned } = reciprocity(
    { person: reviewer.person, requests: own },
    { person: requester.person, requests: newest },
    new Date(now.getTime() - day),
  );
  if (Math.min(given, returned) < oversight.reciprocalApprovals) return [];
  const people = [reviewer.person, requester.person];
  const names = [reviewer.name, requester.name];
  const detail = { people, names, given, returned, within: "24h", request: request.id };
  return [{ kind: "alert.reciprocal-approvals", at: now, actor: "gateway", detail }];
}
