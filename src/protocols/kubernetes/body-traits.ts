/**
 * What the body of a change means beyond its resource: which secrets it uses, which limits of a pod it lifts. The body is
 * walked whole and by the names of its members alone, so that a pod is found in whatever carries one (templates of
 * deployments and cron jobs, custom workloads, patches) and at any depth. Case does not count: nobody gains by `secretref`.
 */
import type { Json } from "../../base/json.ts";
import { segmentsOf } from "./json-patch.ts";
import type { RequestInfo } from "./wire/request-info.ts";

export interface BodyTraits {
  readonly traits: readonly string[];
  /** Names of secrets that it uses, as far as it gives them. */
  readonly secrets: readonly string[];
}

/** Traits of a body: an object, a merge patch, a strategic merge patch, an apply, or the operations of a JSON patch. */
export function traitsOfBody(info: RequestInfo, value: Json): BodyTraits {
  const found: Found = { traits: new Set(), secrets: new Set(), info };
  if (isArray(value)) for (const operation of value) patchOperation(found, operation);
  else walk(found, value, []);
  const traits = [...found.traits].map((trait) => (trait === "uses-secret" ? secretTrait(info) : trait));
  return {
    traits: [...traits, ...rbacTraits(info, value)].filter((t) => t !== ""),
    secrets: [...found.secrets],
  };
}

interface Found {
  readonly traits: Set<string>;
  readonly secrets: Set<string>;
  readonly info: RequestInfo;
}

/** Their members are data or descriptions, and start nothing. */
const inert: ReadonlySet<string> = new Set([
  "secrets.",
  "configmaps.",
  "events.",
  "customresourcedefinitions.apiextensions.k8s.io",
]);

function secretTrait({ resource, group }: RequestInfo): string {
  const key = `${resource}.${group}`;
  if (inert.has(key)) return "";
  // A certificate that an ingress controller serves: named, yet no workload of the person's gets to read it.
  return resource === "ingresses" ? "names-secret" : "uses-secret";
}

function walk(found: Found, value: Json, path: readonly string[]): void {
  if (typeof value === "string") text(found, value);
  if (typeof value !== "object" || value === null) return;
  if (isArray(value)) {
    for (const one of value) walk(found, one, path);
    return;
  }
  if (path.length > 0 && member(value, "kind") === "Secret") uses(found, member(value, "name") ?? null);
  for (const [key, member] of Object.entries(value)) {
    const lower = key.toLowerCase();
    if (path.at(-1) === "metadata" && described.has(lower)) continue;
    meaningOfMember(found, lower, member, path);
    walk(found, member, [...path, lower]);
  }
}

/** Members of `metadata` that say something about the object and nothing about what it does. */
const described: ReadonlySet<string> = new Set(["annotations", "labels", "managedfields"]);

/** A workload can be written inside a text too, such as the values of a chart. */
function text(found: Found, value: string): void {
  if (/secretKeyRef|secretRef|secretName|imagePullSecrets/i.test(value)) found.traits.add("uses-secret");
}

function meaningOfMember(found: Found, key: string, value: Json, path: readonly string[]): void {
  if (key.includes("secret") && isGiven(value)) uses(found, value);
  const trait = Object.hasOwn(members, key) ? members[key]?.(value) : undefined;
  if (trait) found.traits.add(trait);
  if (key === "finalizers" && (path.length === 0 || path.at(-1) === "metadata") && isPatch(found.info))
    found.traits.add("finalizers");
}

function uses(found: Found, value: Json): void {
  found.traits.add("uses-secret");
  for (const name of namesIn(value)) found.secrets.add(name);
}

/** `"x"`, `{ name: "x" }`, `{ secretName: "x" }`, or a list of such. */
function namesIn(value: Json): readonly string[] {
  if (typeof value === "string") return isName(value) ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  if (isArray(value)) return value.flatMap(namesIn);
  return [member(value, "name"), member(value, "secretName")].flatMap((one) =>
    typeof one === "string" && isName(one) ? [one] : [],
  );
}

function isName(text: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{0,252}$/.test(text);
}

type Reading = (value: Json) => string | undefined;

const whenTrue =
  (trait: string): Reading =>
  (value) =>
    value === true || value === "true" ? trait : undefined;
const whenGiven =
  (trait: string): Reading =>
  (value) =>
    isGiven(value) ? trait : undefined;
const account: Reading = (value) => (isGiven(value) && value !== "default" ? "service-account" : undefined);

/** Members of pod specs and the like, in lower case. */
const members: Readonly<Record<string, Reading>> = {
  hostpath: whenGiven("host-path"),
  hostpid: whenTrue("host-namespace"),
  hostipc: whenTrue("host-namespace"),
  hostnetwork: whenTrue("host-namespace"),
  hostprocess: whenTrue("privileged"),
  privileged: whenTrue("privileged"),
  capabilities: (value) =>
    typeof value === "object" && value !== null && !isArray(value) && isGiven(member(value, "add"))
      ? "capabilities"
      : undefined,
  procmount: (value) => (value === "Unmasked" ? "privileged" : undefined),
  serviceaccountname: account,
  serviceaccount: account,
  serviceaccounttoken: whenGiven("service-account"),
  containers: whenGiven("pod-template"),
  initcontainers: whenGiven("pod-template"),
  ephemeralcontainers: whenGiven("pod-template"),
  externalips: whenGiven("external-ips"),
  replicas: (value) => (value === 0 ? "scale-to-zero" : undefined),
};

/** One operation of a JSON patch (RFC 6902): its path counts as the members it goes through. */
function patchOperation(found: Found, operation: Json): void {
  if (typeof operation !== "object" || operation === null || isArray(operation)) return;
  const { op, path, value } = operation as { readonly [key: string]: Json };
  if (typeof path !== "string") return;
  const segments = segmentsOf(path);
  if (op === "remove" || op === "test") {
    if (segments.includes("finalizers")) found.traits.add("finalizers");
    // Without its command a container runs what its image says.
    if (op === "remove" && segments.some((one) => /^(?:init)?containers$/.test(one)))
      found.traits.add("pod-template");
    return;
  }
  const about = segments.findIndex((one, at) => described.has(one) && segments[at - 1] === "metadata");
  if (about >= 0 && about < segments.length) return;
  for (const [at, segment] of segments.entries())
    meaningOfMember(found, segment, value ?? null, segments.slice(0, at));
  walk(found, value ?? null, segments);
}

function isPatch({ verb }: RequestInfo): boolean {
  return verb === "patch";
}

/** What a role gives, and which role a binding hands out, that is more than any change of roles. */
function rbacTraits({ group, resource }: RequestInfo, value: Json): readonly string[] {
  if (group !== "rbac.authorization.k8s.io") return [];
  const text = JSON.stringify(value);
  return [
    ...(resource.endsWith("roles") && /"(?:impersonate|\*)"/.test(text) ? ["impersonate"] : []),
    ...(resource.endsWith("bindings") && /"(?:cluster-admin|system:masters)"/.test(text)
      ? ["cluster-admin"]
      : []),
  ];
}

function isGiven(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === "" || value === false) return false;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

function member(value: { readonly [key: string]: Json }, name: string): Json | undefined {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
