import { IhcError } from "../../base/errors.ts";
import type { FieldPattern } from "../../core/masking/fields.ts";
import { like } from "../../core/masking/like.ts";
import type { MaskPlan } from "../../core/masking/plan.ts";
import type { How } from "../../core/masking/rule.ts";
import { VariableNames } from "./variable-names.ts";

/** What of a request decides how its answer is masked; `RequestInfo` has it. */
export interface Asked {
  readonly isResource: boolean;
  /** The empty text for the core group. */
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly watch: boolean;
  /** Of a request that is for no resource. */
  readonly path: string;
}

/** A target's masks for the answer to one request. */
export interface ObjectMasks {
  readonly plan: MaskPlan;
  /** How the value of a variable of that name is replaced. */
  env(name: string): How | undefined;
  /** The same for names as they stand in an answer. */
  readonly variables: VariableNames;
  /** Patterns for objects of the resource that was asked for. */
  readonly fields: readonly FieldPattern[];
  /** Patterns for objects of a kind that were not asked for. */
  fieldsOf(kind: string): readonly FieldPattern[];
  /** What was asked for are Secrets, whatever the answer says. */
  readonly secrets: boolean;
  /** What was asked for are ConfigMaps. */
  readonly configMaps: boolean;
  /** Whether an object that gives no kind may be a Secret. */
  readonly untold: boolean;
  /** How the cells of table rows behind the name are replaced: columns of a custom resource may show a masked field. */
  readonly cells: How | undefined;
  /** Nothing in the answer can need masking. */
  readonly inert: boolean;
}

/** Names of variables whose values are secrets, unless the target's own `env` rules say which. */
const usualEnv: readonly string[] = [
  "*password*",
  "*passwd*",
  "*passphrase*",
  "*_pass",
  "*_pwd",
  "pgpass*",
  "*secret*",
  "*token*",
  "*credential*",
  "*api_key*",
  "*apikey*",
  "*access_key*",
  "*private_key*",
  "*encryption_key*",
  "*signing_key*",
  "*_auth",
  "*authorization*",
  "*cookie*",
  "*_dsn",
  "*database_url*",
  "*connection_string*",
  "*connectionstring*",
];
/** Values of which only a reference is told. */
const harmlessEnv: readonly string[] = ["*_file", "*_path", "*_ttl", "*_name", "*_expiration*"];

/** Built in: answers of the authentication API that hold credentials. */
const credentials: readonly { readonly kind: string; readonly pattern: FieldPattern }[] = [
  { kind: "tokenrequest", pattern: { segments: ["status", "token"], how: "redact", text: "status/token" } },
  { kind: "tokenreview", pattern: { segments: ["spec", "token"], how: "redact", text: "spec/token" } },
];

/** Compiles a target's masks once a session; what it returns is asked once a request. */
export function objectMasks(plan: MaskPlan): (asked: Asked) => ObjectMasks {
  const env = plan.documents.envPatterns === undefined ? usualNames() : plan.documents.env;
  const byKind = patternsByKind(plan);
  const names = { env, variables: new VariableNames(env) };
  return (asked) => masksFor(plan, asked, names, byKind);
}

function masksFor(
  plan: MaskPlan,
  asked: Asked,
  names: Pick<ObjectMasks, "env" | "variables">,
  fieldsOf: ObjectMasks["fieldsOf"],
): ObjectMasks {
  const { documents } = plan;
  const { group, resource } = asked;
  const fields = asked.isResource ? documents.fields(resource, group) : [];
  const core = group === "";
  const secrets = core && resource === "secrets";
  const configMaps = core && resource === "configmaps";
  return {
    plan,
    ...names,
    fields,
    fieldsOf,
    secrets,
    configMaps,
    untold: !asked.isResource || secrets,
    cells: secrets || configMaps ? undefined : fields[0]?.how,
    inert: isInert(plan, asked, fields),
  };
}

/** Refuses what no mask was made for, so that a mistake in the order of things cannot pass. */
export function unmaskable(what: string): IhcError {
  return new IhcError("invalid", `the answer cannot be masked: ${what}`, {
    rule: "unmaskable-answer",
    hint: "ask for JSON; if you did, tell the gateway's operator",
  });
}

/** Whether no rule, detector or built-in mask can find anything in objects of that resource. */
function isInert(plan: MaskPlan, asked: Asked, fields: readonly FieldPattern[]): boolean {
  const { isResource, group, resource, subresource } = asked;
  if (!isResource || subresource !== "" || !builtIn(group)) return false;
  if (plan.hasDetectors || fields.length > 0 || key(group, resource) === "secrets.") return false;
  const noNames = plan.documents.envPatterns?.length === 0;
  return noNames || (templateless.has(key(group, resource)) && key(group, resource) !== "configmaps.");
}

/** The API server's own groups, whose objects have no fields but those of their schema. */
function builtIn(group: string): boolean {
  return group === "" || group.endsWith(".k8s.io") || !group.includes(".");
}

function key(group: string, resource: string): string {
  return `${resource}.${group}`;
}

/** Built-in resources without a pod template, whose `name` and `value` are no variables and whose messages quote no other object. */
const templateless: ReadonlySet<string> = new Set([
  "nodes.",
  "namespaces.",
  "services.",
  "endpoints.",
  "configmaps.",
  "serviceaccounts.",
  "persistentvolumes.",
  "persistentvolumeclaims.",
  "resourcequotas.",
  "limitranges.",
  "endpointslices.discovery.k8s.io",
  "leases.coordination.k8s.io",
  "ingresses.networking.k8s.io",
  "networkpolicies.networking.k8s.io",
  "roles.rbac.authorization.k8s.io",
  "rolebindings.rbac.authorization.k8s.io",
  "clusterroles.rbac.authorization.k8s.io",
  "clusterrolebindings.rbac.authorization.k8s.io",
  "storageclasses.storage.k8s.io",
  "priorityclasses.scheduling.k8s.io",
  "horizontalpodautoscalers.autoscaling",
  "poddisruptionbudgets.policy",
]);

/** Remembers its answers, so that no name is matched for every pod again. */
function usualNames(): (name: string) => How | undefined {
  const remembered = new Map<string, How | undefined>();
  return (name) => {
    if (remembered.has(name)) return remembered.get(name);
    const secret =
      usualEnv.some((pattern) => like(pattern, name)) && !harmlessEnv.some((pattern) => like(pattern, name));
    const how = secret ? "redact" : undefined;
    if (remembered.size < 4096) remembered.set(name, how);
    return how;
  };
}

function patternsByKind({ documents }: MaskPlan): ObjectMasks["fieldsOf"] {
  const known = new Map<string, readonly FieldPattern[]>();
  return (kind) => {
    const patterns = known.get(kind) ?? [
      ...credentials.filter((one) => one.kind === kind.toLowerCase()).map(({ pattern }) => pattern),
      ...(documents.hasFields ? plurals(kind).flatMap((name) => documents.fieldsOfAny(name)) : []),
    ];
    if (known.size < 1000) known.set(kind, patterns);
    return patterns;
  };
}

/** Names that the resource of a kind may have. */
function plurals(kind: string): readonly string[] {
  const name = kind.toLowerCase();
  const plural = /(?:s|x|z|ch|sh)$/.test(name)
    ? `${name}es`
    : /[^aeiou]y$/.test(name)
      ? `${name.slice(0, -1)}ies`
      : `${name}s`;
  return [name, plural];
}
