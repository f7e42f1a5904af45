import { IhcError } from "../base/errors.ts";
import { parseId } from "../base/ids.ts";
import { type Grant, grantUnusable } from "../core/access/grant.ts";
import type { Principal } from "../core/access/principal.ts";
import type { SessionInput } from "../core/api/schema.ts";
import type { InForce, ServedTarget } from "./in-force.ts";
import type { Records } from "./records.ts";

export interface Entry {
  readonly served: ServedTarget;
  readonly grant: Grant | undefined;
}

/**
 * On what ground a principal may open a session: the grant named, else their newest usable one, else policy's leave to go
 * without. A grant is of use to nobody but its person, so no reviewer can enter on what they approved. Throws IhcError
 * `not-found` or `denied`.
 */
export async function grantFor(
  records: Records,
  inForce: InForce,
  principal: Principal,
  input: SessionInput,
): Promise<Entry> {
  const served = inForce.targets.get(input.target);
  if (!served) throw new IhcError("not-found", "no such target", { hint: "see ihc targets" });
  const now = records.clock.now();
  const grant = await (input.grant === undefined
    ? newestUsable(records, principal, input.target, now)
    : named(records, principal, input.grant, input.target, now));
  if (grant) await refuseWithoutReviewer(records, grant);
  const access = inForce.policy.access(
    principal,
    served.target,
    grant?.effects,
    grant?.breakGlass ?? false,
    now,
    grant?.incident ?? input.incident ?? "",
  );
  if (access.kind === "deny")
    throw new IhcError("denied", access.reason, {
      rule: access.rule,
      ...(access.hint === undefined ? {} : { hint: access.hint }),
    });
  if (access.kind === "needs-grant" && !grant)
    throw new IhcError("denied", `${input.target} needs an approved request`, {
      rule: access.rule,
      hint: `ask for it: ihc request ${input.target}`,
    });
  return { served, grant };
}

/** A person removed from the group is out at once, and so is what they let others do and is not in use yet. */
async function refuseWithoutReviewer({ store, roster }: Records, grant: Grant): Promise<void> {
  const request = await store.requests.get(grant.request);
  const left = request && roster.left(request);
  if (left === undefined) return;
  throw new IhcError("denied", `${left}, who approved ${grant.id}, may not approve it any more`, {
    rule: "reviewer-left",
    hint: `ask for a new one: ihc request ${grant.target}`,
  });
}

async function named(
  { store }: Records,
  principal: Principal,
  text: string,
  target: string,
  now: Date,
): Promise<Grant> {
  const id = parseId("gra", text);
  const grant = id === undefined ? undefined : await store.grants.get(id);
  if (!grant) throw new IhcError("not-found", "no such grant", { hint: "see ihc grants" });
  const problem = grantUnusable(grant, principal, target, now);
  if (problem) throw problem;
  return grant;
}

async function newestUsable(
  { store }: Records,
  principal: Principal,
  target: string,
  now: Date,
): Promise<Grant | undefined> {
  const grants = await store.grants.list({
    person: principal.person,
    target,
    states: ["active"],
    limit: 100,
  });
  return grants.find((grant) => grantUnusable(grant, principal, target, now) === undefined);
}
