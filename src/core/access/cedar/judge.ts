import { type Effect, effects } from "../../session/operation.ts";
import type { Allow, Denial, Hold, Verdict } from "../../session/verdict.ts";
import { grantSatisfies, grantUnusable } from "../grant.ts";
import { mustBeNamed } from "../named.ts";
import type { Question } from "../policy.ts";
import { formatSlots, mergeSlots } from "../slot.ts";
import type { Answered, Rules } from "./evaluate.ts";
import type { Rule } from "./rule.ts";

/** What Cedar answered, before anything is decided from it. */
export interface Findings {
  readonly permits: readonly Rule[];
  readonly forbids: Answered;
}

/** Asks both sets. A forbid on an effect also counts for every worse one: what a statement does at worst hides nothing. */
export function findings(permits: Rules, forbids: Rules, question: Question): Findings {
  const answers = upTo(question.effect).map((effect) => forbids.ask({ ...question, effect }));
  return {
    permits: permits.ask(question).satisfied,
    forbids: {
      satisfied: inOrder(answers.flatMap(({ satisfied }) => satisfied)),
      failed: inOrder(answers.flatMap(({ failed }) => failed)),
    },
  };
}

/**
 * From what holds to a verdict: a forbid that fails or is final denies, then a permit must count, then the forbids that
 * approval lifts hold the operation. So nothing is held that approval could not set free.
 */
export function conclude({ permits, forbids }: Findings, question: Question): Verdict {
  const failed = forbids.failed[0];
  if (failed)
    return deny(failed.id, "the policy could not be evaluated, which denies", "tell the gateway's operator");
  const final = forbids.satisfied.find(({ approve }) => !approve);
  if (final) return forbidden(final);
  const permitted = permission(permits, question);
  if (permitted.kind === "deny") return permitted;
  return forbids.satisfied.length > 0 ? hold(forbids.satisfied) : permitted;
}

/** The effects at which forbids are asked: this one and all below it. */
export function upTo(effect: Effect): readonly Effect[] {
  return effects.slice(0, effects.indexOf(effect) + 1);
}

export function forbidden(rule: Rule): Denial {
  const { reason = `policy ${rule.id} forbids it`, hint } = rule.annotations;
  const breakGlass = "only break-glass lifts this: ihc request, the target, --break-glass";
  return deny(rule.id, reason, hint ?? (rule.liftedByBreakGlass ? breakGlass : undefined));
}

export function deny(rule: string, reason: string, hint?: string): Denial {
  return { kind: "deny", rule, reason, ...(hint === undefined ? {} : { hint }) };
}

/** As they stand in the files, each once: the first one gives its name to the verdict. */
function inOrder(rules: readonly Rule[]): readonly Rule[] {
  return [...new Set(rules)].toSorted((a, b) =>
    a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1,
  );
}

function permission(permits: readonly Rule[], question: Question): Allow | Denial {
  const { grant, principal, target, effect, now, traits } = question;
  const named = traits.filter(mustBeNamed);
  const naming = permits.filter(({ strings }) => named.every((trait) => strings.has(trait)));
  if (permits.length > 0 && naming.length === 0) return mustSay(named);
  const counting = naming.filter(({ breakGlass }) => !breakGlass || grant?.breakGlass);
  const free = counting.find((rule) => !rule.grant && !rule.breakGlass);
  if (free) return { kind: "allow", rule: free.id };
  const usable = grant && !grantUnusable(grant, principal, target.name, now) ? grant : undefined;
  const granted = counting.find(
    (rule) =>
      usable && grantSatisfies(usable, { slots: rule.grant ?? [], breakGlass: rule.breakGlass }, effect),
  );
  if (granted) return { kind: "allow", rule: granted.id };
  const needing = counting.find((rule) => !rule.breakGlass);
  if (needing) return needsGrant(needing, question);
  return deny("no-permit", `no policy lets you ${effect} on ${target.name} like this`, whatElse(question));
}

function mustSay(named: readonly string[]): Denial {
  const texts = named.map((trait) => JSON.stringify(trait)).join(" and ");
  return deny(
    "must-be-named",
    `no policy that would permit this names ${texts}`,
    `whoever writes the policies can: context.traits.contains(${JSON.stringify(named[0])})`,
  );
}

function needsGrant(rule: Rule, { target, effect }: Question): Denial {
  const {
    reason = `${effect} needs a grant by ${formatSlots(rule.grant ?? [])}`,
    hint = `ask for it: ihc request ${target.name} --effect ${effect}`,
  } = rule.annotations;
  return deny(rule.id, reason, hint);
}

function whatElse({ effect, target }: Question): string {
  if (effect === "unknown")
    return "write it so that it can be understood, or ask whoever writes the policies";
  return `see what you may do: ihc targets ${target.name}`;
}

function hold(rules: readonly Rule[]): Hold | Denial {
  const [first] = rules;
  if (!first) return deny("no-rule", "nothing holds the operation and nothing lets it pass");
  const slots = mergeSlots(rules.map(({ approve }) => approve ?? []));
  const { reason = `needs ${formatSlots(slots)}` } = first.annotations;
  return {
    kind: "hold",
    rule: first.id,
    reason,
    slots,
    within: Math.min(...rules.map(({ within }) => within)),
  };
}
