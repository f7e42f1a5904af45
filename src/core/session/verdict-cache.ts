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
  const situation = situations();
  return {
    judge(policy, question) {
      const key = `${situation(policy, question)}${JSON.stringify([
        question.effect,
        question.kind,
        question.resources,
        question.traits,
        question.attributes ?? null,
        question.approvedBy,
      ])}`;
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
 * Everything policy may look at besides the operation, as text. It rarely changes between two statements, so the last is
 * kept. Policy sees time by the minute at the finest that is cached, so a verdict may be up to a minute old; a grant's end
 * is checked before policy on every operation and is never stale.
 */
function situations(): (policy: Policy, question: Question) => string {
  let last: { readonly policy: Policy; readonly question: Question; readonly minute: number } | undefined;
  let text = "";
  return (policy, question) => {
    const now = Math.floor(question.now.getTime() / minute);
    if (!last || last.policy !== policy || last.minute !== now || !isSame(last.question, question)) {
      text = JSON.stringify([policy.version, now, ...circumstances(question)]);
      last = { policy, question, minute: now };
    }
    return text;
  };
}

/** Values are never changed in place, so what is the same object says the same. */
function isSame(a: Question, b: Question): boolean {
  return (
    a.grant === b.grant && a.target === b.target && a.principal === b.principal && a.incident === b.incident
  );
}

function circumstances({ incident, grant, target, principal }: Question): readonly unknown[] {
  return [
    incident ?? null,
    grant ? [grant.id, grant.version] : null,
    target.name,
    target.labels,
    principal.person,
    principal.name,
    principal.groups,
    principal.amr,
    principal.via ? [principal.via.name, principal.via.version] : null,
  ];
}
