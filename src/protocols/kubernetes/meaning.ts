/**
 * What requests do beyond what their verb says: the tables of effects and traits. The HTTP method counts for nothing here,
 * because before Kubernetes 1.35 a WebSocket exec is a GET.
 */
import { type Effect, type Refusal, worst } from "../../core/session/operation.ts";
import type { Found } from "./discovery.ts";
import type { KubernetesOperation } from "./operation.ts";
import type { RequestInfo } from "./wire/request-info.ts";

export interface Meaning {
  readonly kind: KubernetesOperation["kind"];
  /** As policy is asked: the API server's, or the subresource's own. */
  readonly verb: string;
  readonly effect: Effect;
  readonly traits: readonly string[];
  readonly refusal?: Refusal;
}

/** What the request does, its body aside. `found` is undefined where the cluster has no such resource. */
export function meaningOf(info: RequestInfo, found: Found | undefined): Meaning {
  if (!info.isResource) return plainMeaning(info.path);
  const changes = !reads.has(info.verb);
  const own = ownRule(info, changes);
  const kind = own.kind ?? "request";
  const effect = ofVerb[info.verb] ?? "unknown";
  const cluster = changes && found?.builtIn === true && !found.namespaced && info.resource !== "namespaces";
  const refusal = refusalOf(info, found) ?? own.refusal;
  return {
    kind,
    verb: own.verb ?? info.verb,
    effect: own.effect ?? (cluster ? worst(effect, "admin") : effect),
    traits: [...(own.traits ?? []), ...commonTraits(info, found)],
    ...(refusal ? { refusal } : {}),
  };
}

const reads: ReadonlySet<string> = new Set(["get", "list", "watch"]);
const collections: ReadonlySet<string> = new Set(["list", "watch", "deletecollection"]);
const ofVerb: Readonly<Record<string, Effect>> = {
  get: "read",
  list: "read",
  watch: "read",
  create: "write",
  update: "write",
  patch: "write",
  delete: "destroy",
  deletecollection: "destroy",
};

interface Rule {
  readonly kind?: Meaning["kind"];
  readonly verb?: string;
  /** In place of the verb's effect. */
  readonly effect?: Effect;
  readonly traits?: readonly string[];
  readonly refusal?: Refusal;
}

const noProxy: Refusal = {
  rule: "proxy",
  reason: "the gateway proxies to no pod, service or node: nobody could say what that would do",
  hint: "use kubectl port-forward or exec, if you may",
};

/** Whatever the method: what these do has its own name. */
const always: Readonly<Record<string, Rule>> = {
  // What a command does is for the shell's grammar to say; until then it is unknown, as is what goes through a port.
  "pods/exec.": { kind: "exec", verb: "exec", effect: "unknown", traits: ["exec"] },
  "pods/attach.": { kind: "attach", verb: "attach", effect: "unknown", traits: ["attach"] },
  "pods/portforward.": {
    kind: "portforward",
    verb: "portforward",
    effect: "unknown",
    traits: ["portforward"],
  },
  "pods/log.": { traits: ["log"] },
  "secrets.": { traits: ["secret"] },
};

const access = (trait: string): Rule => ({ effect: "admin", traits: [trait] });

/** Only where something is changed. */
const changing: Readonly<Record<string, Rule>> = {
  "pods/ephemeralcontainers.": {
    verb: "ephemeralcontainers",
    effect: "admin",
    traits: ["ephemeralcontainers"],
    refusal: {
      rule: "ephemeral-containers",
      reason: "debug containers run in a pod with all that the pod may do",
      hint: "use kubectl exec, if you may",
    },
  },
  "serviceaccounts/token.": {
    verb: "token",
    effect: "admin",
    traits: ["token-request"],
    refusal: {
      rule: "token-request",
      reason: "a token of a service account would be good outside of the gateway",
      hint: "work through this session instead",
    },
  },
  "pods/eviction.": { verb: "evict", effect: "destroy", traits: ["eviction"] },
  "pods/binding.": access("binding"),
  "bindings.": access("binding"),
  "namespaces/finalize.": access("finalize"),
  "certificatesigningrequests.certificates.k8s.io": access("csr"),
  "certificatesigningrequests/approval.certificates.k8s.io": { verb: "approve", ...access("csr-approval") },
  "certificatesigningrequests/status.certificates.k8s.io": access("csr-approval"),
  "roles.rbac.authorization.k8s.io": access("escalate"),
  "clusterroles.rbac.authorization.k8s.io": access("escalate"),
  "rolebindings.rbac.authorization.k8s.io": access("bind"),
  "clusterrolebindings.rbac.authorization.k8s.io": access("bind"),
  "mutatingwebhookconfigurations.admissionregistration.k8s.io": access("webhook"),
  "validatingwebhookconfigurations.admissionregistration.k8s.io": access("webhook"),
  "mutatingadmissionpolicies.admissionregistration.k8s.io": access("webhook"),
  "mutatingadmissionpolicybindings.admissionregistration.k8s.io": access("webhook"),
  "validatingadmissionpolicies.admissionregistration.k8s.io": access("webhook"),
  "validatingadmissionpolicybindings.admissionregistration.k8s.io": access("webhook"),
  "apiservices.apiregistration.k8s.io": access("apiservice"),
  "apiservices/status.apiregistration.k8s.io": access("apiservice"),
  "customresourcedefinitions.apiextensions.k8s.io": access("crd"),
  "customresourcedefinitions/status.apiextensions.k8s.io": access("crd"),
  "tokenreviews.authentication.k8s.io": access("token-review"),
  // Questions, although they are asked with POST.
  "selfsubjectreviews.authentication.k8s.io": { effect: "read", traits: ["self-review"] },
  "selfsubjectaccessreviews.authorization.k8s.io": { effect: "read", traits: ["self-review"] },
  "selfsubjectrulesreviews.authorization.k8s.io": { effect: "read", traits: ["self-review"] },
  "subjectaccessreviews.authorization.k8s.io": { effect: "read", traits: ["access-review"] },
  "localsubjectaccessreviews.authorization.k8s.io": { effect: "read", traits: ["access-review"] },
};

function ownRule(info: RequestInfo, changes: boolean): Rule {
  if (info.subresource === "proxy")
    return { verb: "proxy", effect: "unknown", traits: ["proxy"], refusal: noProxy };
  const key = `${resourceName(info)}.${info.group}`;
  const rule = Object.hasOwn(always, key) ? always[key] : undefined;
  if (rule || !changes) return rule ?? {};
  if (Object.hasOwn(changing, key)) return changing[key] ?? {};
  if (info.subresource === "finalize") return access("finalize");
  return {};
}

/** `pods/log`: as RBAC writes it. */
export function resourceName({
  resource,
  subresource,
}: Pick<RequestInfo, "resource" | "subresource">): string {
  return subresource === "" ? resource : `${resource}/${subresource}`;
}

function commonTraits(info: RequestInfo, found: Found | undefined): readonly string[] {
  const { verb, resource, subresource } = info;
  const selects = info.parameters.some(([key]) => key === "fieldSelector" || key === "labelSelector");
  return [
    ...(verb === "watch" || verb === "deletecollection" ? [verb] : []),
    ...(found ? scopeTraits(info, found) : []),
    ...(selects ? ["selector"] : []),
    ...(subresource === "status" || subresource === "scale" ? [subresource] : []),
    ...(verb === "delete" && resource === "namespaces" ? ["namespace-delete"] : []),
  ];
}

function scopeTraits(info: RequestInfo, { namespaced, builtIn }: Found): readonly string[] {
  const whole = collections.has(info.verb) && info.namespace === "";
  const name = resourceName(info);
  return [
    ...(namespaced && whole ? ["all-namespaces"] : []),
    ...(builtIn && !namespaced ? ["cluster-scoped"] : []),
    ...(builtIn ? [] : [`custom:${info.group === "" ? name : `${name}.${info.group}`}`]),
  ];
}

function refusalOf(info: RequestInfo, found: Found | undefined): Refusal | undefined {
  if (!found)
    return {
      rule: "unknown-resource",
      reason: `the cluster has no ${resourceName(info)} in ${info.group || "the core group"} ${info.version}`,
      hint: "see what there is: kubectl api-resources",
    };
  const { namespaced } = found;
  const itself = info.group === "" && info.resource === "namespaces" && info.namespace === info.name;
  if (!namespaced && info.namespace !== "" && !itself && info.resource !== "namespaces")
    return misplaced("stands in no namespace", "leave the namespace out");
  if (info.resource === "namespaces" && !itself && info.namespace !== "")
    return misplaced("stands in no namespace", "leave the namespace out");
  if (namespaced && info.namespace === "" && !collections.has(info.verb))
    return misplaced("stands in a namespace", "say which: kubectl --namespace");
  return undefined;
}

function misplaced(reason: string, hint: string): Refusal {
  return { rule: "scope", reason: `the resource ${reason}`, hint };
}

const discoveryPaths = /^\/(?:api(?:\/[^/]+)?|apis(?:\/[^/]+){0,2}|version|openapi\/v[23](?:\/.+)?)$/;
const healthPaths = /^\/(?:healthz|livez|readyz)(?:\/.+)?$/;
const publicPaths = /^\/(?:\.well-known\/openid-configuration|openid\/v1\/jwks)$/;
/** No data of anybody's, but more than discovery: where a policy names them. */
const namedPaths = /^\/metrics(?:\/slis|\/resources)?$/;

function plainMeaning(path: string): Meaning {
  const read = { kind: "request", verb: "get", effect: "read" } as const;
  if (discoveryPaths.test(path)) return { ...read, traits: ["discovery"] };
  if (healthPaths.test(path)) return { ...read, traits: ["health"] };
  if (publicPaths.test(path)) return { ...read, traits: ["openid"] };
  if (namedPaths.test(path)) return { ...read, traits: [`custom:${path}`] };
  const refusal = {
    rule: "non-resource-path",
    reason: "the path is neither a resource nor discovery",
    hint: "ask the API server's operator",
  };
  return { ...read, effect: "unknown", traits: ["non-resource"], refusal };
}
