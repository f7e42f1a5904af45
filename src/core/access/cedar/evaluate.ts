import {
  type CedarValueJson,
  type Entities,
  isAuthorizedPartial,
  preparsePolicySet,
  statefulIsAuthorized,
} from "@cedar-policy/cedar-wasm/nodejs";
import { IhcError } from "../../../base/errors.ts";
import { attributeNames, type Effect } from "../../session/operation.ts";
import type { Question } from "../policy.ts";
import type { Principal } from "../principal.ts";
import type { Target } from "../target.ts";
import type { Rule } from "./rule.ts";

/** Who asks for what: the part of a question that is known before there is an operation. */
interface Asking {
  readonly principal: Principal;
  readonly target: Target;
  readonly effect: Effect;
  readonly breakGlass: boolean;
  readonly now: Date;
  /** Undefined while it is not known. */
  readonly incident: string | undefined;
}

export interface Answered {
  readonly satisfied: readonly Rule[];
  /** Policies that failed on this question; for a forbid that means denial. */
  readonly failed: readonly Rule[];
}

/** Policies of one effect, parsed once, asked alone: so an allow of one never hides a forbid of the other. */
export interface Rules {
  /** Which policies hold for an operation. Throws IhcError `internal` when Cedar gives no answer. */
  ask(question: Question): Answered;
  /** Which policies hold, or may hold depending on the operation. */
  foresee(asking: Asking): { readonly certain: readonly Rule[]; readonly possible: readonly Rule[] };
}

/** `name` must be unique to these texts: Cedar keeps what it parsed under it. */
export function preparedRules(name: string, rules: readonly Rule[]): Rules {
  const staticPolicies = Object.fromEntries(rules.map(({ id, text }) => [id, text]));
  const prepared = preparsePolicySet(name, { staticPolicies });
  if (prepared.type !== "success")
    throw new IhcError("internal", "cedar refuses policies that it has accepted before");
  const among = (ids: readonly string[]): Rule[] => rules.filter(({ id }) => ids.includes(id));
  return {
    ask(question) {
      const answer = statefulIsAuthorized({
        ...subject(question),
        context: {
          ...known({ ...question, breakGlass: underBreakGlass(question) }),
          ...ofOperation(question),
        },
        preparsedPolicySetId: name,
      });
      if (answer.type !== "success") throw new IhcError("internal", "cedar gives no answer");
      const { reason, errors } = answer.response.diagnostics;
      return { satisfied: among(reason), failed: among(errors.map(({ policyId }) => policyId)) };
    },
    foresee(asking) {
      const answer = isAuthorizedPartial({
        ...subject(asking),
        context: { ...known(asking), ...unknownOperation, ...knownIncident(asking) },
        policies: { staticPolicies: atTime(rules, asking.now) },
      });
      if (answer.type !== "residuals") throw new IhcError("internal", "cedar gives no answer");
      const { satisfied, nontrivialResiduals } = answer.response;
      return { certain: among(satisfied), possible: among([...satisfied, ...nontrivialResiduals]) };
    },
  };
}

function subject({ principal, target, effect }: Pick<Asking, "principal" | "target" | "effect">) {
  const person = { type: "Person", id: principal.person };
  const resource = { type: "Target", id: target.name };
  const entities: Entities = [
    {
      uid: person,
      attrs: { name: principal.name, subject: principal.subject, amr: [...principal.amr] },
      parents: principal.groups.map((id) => ({ type: "Group", id })),
    },
    {
      uid: resource,
      attrs: { name: target.name, protocol: target.protocol, labels: { ...target.labels } },
      parents: [],
    },
  ];
  return { principal: person, action: { type: "Action", id: effect }, resource, entities };
}

function known({ principal, breakGlass, now }: Pick<Asking, "principal" | "breakGlass" | "now">) {
  return {
    via: principal.via?.name ?? "",
    viaVersion: principal.via?.version ?? "",
    breakGlass,
    hour: now.getUTCHours(),
  } satisfies Record<string, CedarValueJson>;
}

function ofOperation({ kind, traits, resources, attributes, incident, approvedBy, now }: Question) {
  return {
    ...Object.fromEntries(attributeNames.map((name) => [name, attributes?.[name] ?? ""])),
    programs: [...(attributes?.programs ?? [])],
    time: { __extn: { fn: "datetime", arg: now.toISOString() } },
    kind,
    traits: [...traits],
    tables: [...resources],
    incident: incident ?? "",
    approvedBy: [...approvedBy],
  };
}

function unknown(name: string): CedarValueJson {
  return { __extn: { fn: "unknown", arg: name } };
}

/** Time is known, but a date beside an unknown makes Cedar treat all of the context as unknown; see `atTime`. */
const unknownOperation = {
  ...Object.fromEntries(attributeNames.map((name) => [name, unknown(name)])),
  programs: unknown("programs"),
  time: unknown("time"),
  kind: unknown("kind"),
  traits: unknown("traits"),
  tables: unknown("tables"),
  incident: unknown("incident"),
  approvedBy: unknown("approvedBy"),
};

function knownIncident({ incident }: Asking): Record<string, CedarValueJson> {
  return incident === undefined ? {} : { incident };
}

/**
 * The policies with `context.time` written out. As text, because Cedar's JSON form of a long condition is deeper than its
 * reader allows; time that is spelled in another way stays unknown, which only makes a policy possible instead of certain.
 */
function atTime(rules: readonly Rule[], now: Date): Record<string, string> {
  const time = `datetime("${now.toISOString()}")`;
  const written = (token: string): string => (token.startsWith("context") ? time : token);
  return Object.fromEntries(rules.map(({ id, text }) => [id, text.replace(timeOrSkipped, written)]));
}

/** `context.time`, or a comment or string, which must stay as they are. */
const timeOrSkipped = /\/\/[^\n]*|"(?:[^"\\]|\\[\s\S])*"|\bcontext\s*\.\s*time\b/g;

function underBreakGlass({ grant }: Question): boolean {
  return grant?.breakGlass === true;
}
