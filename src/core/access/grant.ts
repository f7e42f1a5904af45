import { IhcError } from "../../base/errors.ts";
import type { GrantId, RequestId } from "../../base/ids.ts";
import type { Effect } from "../session/operation.ts";
import type { Principal } from "./principal.ts";
import { type Slot, slotsCover } from "./slot.ts";

export type GrantState = "active" | "expired" | "revoked";

/** The time-bound right that an approved request issues. The clock starts at approval. */
export interface Grant {
  readonly id: GrantId;
  readonly version: number;
  readonly state: GrantState;
  readonly request: RequestId;
  readonly principal: Principal;
  readonly target: string;
  readonly effects: readonly Effect[];
  readonly incident?: string;
  readonly reason: string;
  readonly breakGlass: boolean;
  /** Names of the reviewers, for listings and the journal. */
  readonly approvedBy: readonly string[];
  /** The reviews that were given for it; none for break-glass. A permit that asks for more is not satisfied by it. */
  readonly slots: readonly Slot[];
  readonly startsAt: Date;
  readonly expiresAt: Date;
  readonly endedAt?: Date;
  readonly endedBy?: string;
}

/**
 * Why this grant is of no use to that principal now, undefined when it is. A grant belongs to one person, one target and,
 * where tokens are bound to keys, to the key it was asked with. An MCP client may use only what was approved for it; the
 * person may use what was approved for their MCP client.
 */
export function grantUnusable(
  grant: Grant,
  principal: Principal,
  target: string,
  now: Date,
): IhcError | undefined {
  const { principal: owner } = grant;
  if (owner.person !== principal.person || grant.target !== target)
    return new IhcError("not-found", `no grant ${grant.id} for you on ${target}`);
  const again = { hint: `ask for a new one: ihc request ${target}`, rule: "grant-ended" };
  if (grant.state !== "active") return new IhcError("denied", `grant ${grant.id} is ${grant.state}`, again);
  if (now < grant.startsAt || now >= grant.expiresAt)
    return new IhcError("denied", `grant ${grant.id} has ended`, again);
  if (principal.via && principal.via.name !== owner.via?.name)
    return new IhcError("denied", `grant ${grant.id} was not approved for the MCP client`, {
      rule: "grant-via",
      hint: "ask through the MCP client itself, so that the reviewers see it",
    });
  if (owner.key !== undefined && owner.key !== principal.key)
    return new IhcError("denied", `grant ${grant.id} was asked for from another login`, {
      rule: "grant-key",
      hint: `use the machine it was asked from, or ask again: ihc request ${target}`,
    });
  return undefined;
}

/** Whether the reviews behind a grant are those that a permit asks for. */
export function grantSatisfies(
  grant: Grant,
  demand: { readonly slots: readonly Slot[]; readonly breakGlass: boolean },
  effect: Effect,
): boolean {
  if (!grant.effects.includes(effect)) return false;
  return grant.breakGlass ? demand.breakGlass : !demand.breakGlass && slotsCover(grant.slots, demand.slots);
}

/** The state that a grant enters at its end. Throws IhcError `conflict` when its time is not up or it has ended before. */
export function expireGrant(grant: Grant, now: Date): Grant {
  if (grant.state !== "active" || now < grant.expiresAt) throw ended(grant, "has not run out");
  return { ...grant, version: grant.version + 1, state: "expired", endedAt: now };
}

/** Ends a grant early. `by` is a name for people to read. Throws IhcError `conflict` when it has ended before. */
export function revokeGrant(grant: Grant, by: string, now: Date): Grant {
  if (grant.state !== "active") throw ended(grant, "cannot be revoked");
  return { ...grant, version: grant.version + 1, state: "revoked", endedAt: now, endedBy: by };
}

function ended(grant: Grant, what: string): IhcError {
  const by = grant.endedBy === undefined ? "" : ` by ${grant.endedBy}`;
  return new IhcError("conflict", `grant ${grant.id} is ${grant.state}${by} and ${what}`, {
    rule: "grant-state",
    hint: "look at it again: ihc grants",
  });
}
