import type { Policy, Question } from "../access/policy.ts";
import type { Verdict } from "./verdict.ts";

/** A session's verdicts, kept by everything that policy may look at, so that a repeated question costs a look-up. */
export interface VerdictCache {
  /** The policy's verdict; from the cache where nothing that it was asked about has changed. */
  judge(policy: Policy, question: Question): Verdict;
}

const minute = 60_000;

/** `limit` verdicts at most; the oldest goes first. Questions over 2,000 characters are not kept. */
export function verdictCache(limit = 512): VerdictCache {
  const verdicts = new Map<string, Verdict>();
  return {
    judge(policy, question) {
      const key = keyOf(policy, question);
      const known = verdicts.get(key);
      if (known) return known;
      const verdict = policy.judge(question);
      if (key.length > 2000) return verdict;
      const oldest = verdicts.size >= limit ? verdicts.keys().next().value : undefined;
      if (oldest !== undefined) verdicts.delete(oldest);
      verdicts.set(key, verdict);
      return verdict;
    },
  };
}

/**
 * Policy sees time by the minute at the finest that is cached, so a verdict may be up to a minute old; a grant's end is
 * checked before policy on every operation and is never stale.
 */
function keyOf(policy: Policy, q: Question): string {
  return JSON.stringify([
    policy.version,
    Math.floor(q.now.getTime() / minute),
    q.effect,
    q.kind,
    q.resources,
    q.traits,
    q.approvedBy,
    q.incident ?? null,
    q.grant ? [q.grant.id, q.grant.version] : null,
    q.target.name,
    q.target.labels,
    q.principal.person,
    q.principal.name,
    q.principal.groups,
    q.principal.amr,
    q.principal.via ? [q.principal.via.name, q.principal.via.version] : null,
  ]);
}
