import type { Grant } from "../core/access/grant.ts";
import type { Principal } from "../core/access/principal.ts";
import { type Effect, effects } from "../core/session/operation.ts";
import type { InForce, ServedTarget } from "./in-force.ts";

const minute = 60_000;

/** A live session's state as far as it decides; read anew each time. */
interface Ground {
  readonly principal: Principal;
  readonly served: ServedTarget;
  readonly grant: Grant | undefined;
  readonly record: { readonly incident?: string };
}

/**
 * What a session's operations may do at most: what its grant covers and what policy gives without one. Kept while nothing
 * that policy asks for changes, since every new connection wants to know.
 */
export function sessionEffects(state: Ground): (inForce: InForce, now: Date) => readonly Effect[] {
  let known: { readonly key: string; readonly effects: readonly Effect[] } | undefined;
  return ({ policy }, now) => {
    const { principal, served, grant, record } = state;
    const key = JSON.stringify([
      policy.version,
      Math.floor(now.getTime() / minute),
      principal.groups,
      served.target.labels,
      grant?.version,
    ]);
    if (known?.key === key) return known.effects;
    const free = (effect: Effect): boolean =>
      policy.access(principal, served.target, [effect], false, now, record.incident ?? "").kind === "allow";
    known = { key, effects: effects.filter((effect) => grant?.effects.includes(effect) || free(effect)) };
    return known.effects;
  };
}
