import type { Effect } from "../../session/operation.ts";
import type { Denial } from "../../session/verdict.ts";
import type { AccessDecision } from "../policy.ts";
import type { Principal } from "../principal.ts";
import { mergeSlots, type Slot, seats, slotsCover } from "../slot.ts";
import type { Target } from "../target.ts";
import type { Rules } from "./evaluate.ts";
import { deny, forbidden, upTo } from "./judge.ts";
import type { Rule } from "./rule.ts";

/** Who would open a session or file a request. */
export interface Caller {
  readonly principal: Principal;
  readonly target: Target;
  readonly breakGlass: boolean;
  readonly now: Date;
  /** Undefined while it is not known. */
  readonly incident: string | undefined;
}

/** What is given without being asked for by name; `admin` and `unknown` never are. */
const usual: readonly Effect[] = ["read", "write", "destroy"];

/**
 * Judges before there is an operation: permits that may hold for some operation count, forbids only when they hold for
 * every one. With `wanted` all of it must be possible; without, it is read plus what the same reviews would also give.
 */
export function accessTo(
  permits: Rules,
  forbids: Rules,
  caller: Caller,
  wanted: readonly Effect[] | undefined,
): AccessDecision {
  const offers = (wanted ?? usual).map((effect) => offer(permits, forbids, caller, effect));
  return wanted ? all(offers) : usualOf(offers);
}

/** The least demanding permit for one effect. */
interface Offer {
  readonly effect: Effect;
  readonly rule: Rule;
  readonly possible: readonly Rule[];
}

function offer(permits: Rules, forbids: Rules, caller: Caller, effect: Effect): Offer | Denial {
  const final = upTo(effect)
    .flatMap((level) => forbids.foresee({ ...caller, effect: level }).certain)
    .find(({ approve }) => !approve);
  if (final) return forbidden(final);
  const possible = permits
    .foresee({ ...caller, effect })
    .possible.filter((rule) => rule.breakGlass === caller.breakGlass);
  const rule = possible.toSorted(byDemand)[0];
  if (rule) return { effect, rule, possible };
  return caller.breakGlass
    ? deny("no-break-glass", `no policy gives you break-glass to ${effect} on ${caller.target.name}`)
    : deny(
        "no-permit",
        `no policy lets you ${effect} on ${caller.target.name}`,
        "see what you may do: ihc targets",
      );
}

function all(offers: readonly (Offer | Denial)[]): AccessDecision {
  const denial = offers.find(isDenial);
  return denial ?? decision(offers.filter(isOffer));
}

function usualOf(offers: readonly (Offer | Denial)[]): AccessDecision {
  const [denial] = offers.filter(isDenial);
  const possible = offers.filter(isOffer);
  const [base] = possible;
  if (!base) return denial ?? deny("no-permit", "no policy lets you in");
  const demand = demandOf(base.rule);
  const same = possible.flatMap((other) => {
    const rule = other.possible.find((candidate) => covered(demandOf(candidate), demand));
    return rule ? [{ ...other, rule: other === base ? base.rule : rule }] : [];
  });
  return decision(same);
}

function decision(offers: readonly Offer[]): AccessDecision {
  const [first] = offers;
  if (!first) return deny("no-permit", "nothing was asked for", "name at least one effect");
  const covered = offers.map(({ effect }) => effect);
  const demands = offers.map(({ rule }) => demandOf(rule)).filter((demand) => demand !== undefined);
  if (demands.length === 0) return { kind: "allow", rule: first.rule.id, effects: covered };
  const demanding = offers.filter(({ rule }) => demandOf(rule) !== undefined);
  return {
    kind: "needs-grant",
    rule: (demanding[0] ?? first).rule.id,
    slots: mergeSlots(demands),
    effects: covered,
    longest: Math.min(...demanding.map(({ rule }) => rule.max)),
  };
}

/** The reviews that a permit asks for; undefined for none at all. Break-glass always needs its own grant. */
function demandOf(rule: Rule): readonly Slot[] | undefined {
  return rule.grant ?? (rule.breakGlass ? [] : undefined);
}

function covered(demand: readonly Slot[] | undefined, by: readonly Slot[] | undefined): boolean {
  if (demand === undefined) return true;
  return by !== undefined && slotsCover(by, demand);
}

function byDemand(a: Rule, b: Rule): number {
  const [x, y] = [demandOf(a), demandOf(b)];
  return (x ? seats(x) + 1 : 0) - (y ? seats(y) + 1 : 0) || b.max - a.max;
}

function isDenial(offer: Offer | Denial): offer is Denial {
  return "kind" in offer;
}

function isOffer(offer: Offer | Denial): offer is Offer {
  return !isDenial(offer);
}
