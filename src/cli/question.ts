import { IhcError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { Grant } from "../core/access/grant.ts";
import type { AccessDecision, Policy, Question } from "../core/access/policy.ts";
import type { PersonId, Principal } from "../core/access/principal.ts";
import type { Target } from "../core/access/target.ts";
import { type Attributes, attributeNames, type Effect, effects } from "../core/session/operation.ts";

/** A question to policy about somebody who need not be logged in, asked with what the operator says of them. */
export interface Supposed {
  readonly person: string;
  readonly groups: readonly string[];
  readonly via?: string | undefined;
  readonly effect: Effect;
  readonly target: Target;
  readonly kind: string;
  readonly traits: readonly string[];
  readonly resources: readonly string[];
  readonly attributes?: Attributes | undefined;
  readonly incident?: string | undefined;
  readonly approvedBy: readonly string[];
  readonly breakGlass: boolean;
  readonly now: Date;
}

export interface Explained {
  readonly access: AccessDecision;
  readonly explanation: ReturnType<Policy["explain"]>;
}

/** Asks first for the session, then for the operation under the grant that the session's reviewers would have given. */
export function explain(policy: Policy, supposed: Supposed): Explained {
  const principal = principalOf(supposed);
  const { target, effect, breakGlass, now, incident, attributes } = supposed;
  const access = policy.access(principal, target, undefined, breakGlass, now);
  const grant = grantOf(supposed, principal, access);
  const question: Question = {
    principal,
    target,
    effect,
    kind: supposed.kind,
    resources: supposed.resources,
    traits: supposed.traits,
    approvedBy: supposed.approvedBy,
    now,
    ...(attributes === undefined ? {} : { attributes }),
    ...(incident === undefined ? {} : { incident }),
    ...(grant === undefined ? {} : { grant }),
  };
  return { access, explanation: policy.explain(question) };
}

export function effectOf(word: string): Effect {
  const found = effects.find((effect) => effect === word);
  if (found === undefined)
    throw new IhcError("usage", "there is no such effect", { hint: `one of: ${effects.join(", ")}` });
  return found;
}

/** Reads `verb=get`, `programs=psql,sh`. Throws IhcError `usage`. */
export function attributesOf(words: readonly string[]): Attributes | undefined {
  if (words.length === 0) return undefined;
  const pairs = words.map((word): [string, string | readonly string[]] => {
    const [, name = "", value = ""] = /^([a-z]+)=(.*)$/s.exec(word) ?? [];
    if (name === "programs") return [name, value.split(",")];
    if (attributeNames.some((known) => known === name)) return [name, value];
    throw new IhcError("usage", "there is no such attribute", {
      hint: `write name=value; names are ${[...attributeNames, "programs"].join(", ")}`,
    });
  });
  return Object.fromEntries(pairs);
}

function principalOf({ person, groups, via }: Supposed): Principal {
  return {
    // Supposed, not verified: it never leaves this process and opens nothing.
    person: `supposed ${person}` as PersonId,
    issuer: "supposed",
    subject: person,
    name: person,
    groups,
    amr: [],
    ...(via === undefined ? {} : { via: { name: via, version: "0" } }),
  };
}

function grantOf(supposed: Supposed, principal: Principal, access: AccessDecision): Grant | undefined {
  if (access.kind !== "needs-grant") return undefined;
  return {
    id: newId("gra"),
    version: 1,
    state: "active",
    request: newId("req"),
    principal,
    target: supposed.target.name,
    effects: access.effects,
    reason: "supposed",
    breakGlass: supposed.breakGlass,
    approvedBy: [],
    slots: supposed.breakGlass ? [] : access.slots,
    startsAt: new Date(supposed.now.getTime() - 1000),
    expiresAt: new Date(supposed.now.getTime() + access.longest),
  };
}
