import type { Json } from "../../base/json.ts";
import { type Attributes, type Refusal, type Shown, worst } from "../../core/session/operation.ts";
import { type Body, judgeBody } from "./bodies.ts";
import type { Discovered } from "./discovery.ts";
import { type Meaning, meaningOf, resourceName } from "./meaning.ts";
import type { ClassifyRequest, KubernetesOperation } from "./operation.ts";
import type { RequestInfo } from "./wire/request-info.ts";

/**
 * What a request does. Policy sees of it:
 *
 *   context.verb         as RBAC has it, or the subresource's own: exec, attach, portforward, proxy, evict, approve
 *   context.resource     `pods`, and with the subresource `pods/log`: who allows `pods` has not allowed `pods/log`
 *   context.group, .subresource, .namespace, .name     empty where there is none; the name of a new object is its body's
 *   context.tables       `prod-app/pods/web`, `pods`, `nodes/n1/status`, `prod-app/deployments.apps/web`; what is not asked by
 *                        name ends with the resource, what is asked in all namespaces has none in front; paths as they are;
 *                        secrets that a body uses, `prod-app/secrets/db-creds`
 *   context.traits       of meaning.ts and body-traits.ts; those that begin with `custom:`, and `uses-secret`, are off unless a
 *                        permit names them
 *
 * Pure: `discovery` is a snapshot. What cannot be understood is an operation with a refusal, so that it is on record.
 */
export function classify(request: ClassifyRequest, discovery: Discovered): KubernetesOperation {
  const { info, method } = request;
  const found = info.isResource ? discovery.find(info) : undefined;
  const meaning = meaningOf(info, found);
  const body = judgeBody(request, meaning);
  const refusal = upgradeRefusal(request, meaning) ?? meaning.refusal ?? body?.refusal;
  const parameters: readonly Json[] = body ? [body.contentType, body.text] : [];
  const name = info.name || (body?.name ?? "");
  return {
    kind: meaning.kind,
    text: `${method} ${info.target}`,
    parameters,
    effect: body ? worst(meaning.effect, body.effect) : meaning.effect,
    resources: [
      resourcePath(info, name),
      ...(body?.secrets ?? []).map((one) => `${info.namespace}/secrets/${one}`),
    ],
    traits: unique([
      ...meaning.traits,
      ...(body?.traits ?? []),
      ...((body?.dryRun ?? info.dryRun) ? ["dry-run"] : []),
    ]),
    attributes: attributesOf(info, meaning, name),
    ...(refusal ? { refusal } : {}),
    ...(body ? shownOf(method, info, body) : {}),
    method,
    info,
    ...(body ? { body: body.bytes, contentType: body.contentType } : {}),
  };
}

function attributesOf(info: RequestInfo, meaning: Meaning, name: string): Attributes {
  const { group, subresource, namespace } = info;
  const command = info.parameters.flatMap(([key, value]) => (key === "command" ? [value] : []));
  return {
    verb: meaning.verb,
    group,
    resource: info.isResource ? resourceName(info) : "",
    subresource,
    namespace,
    name,
    ...(meaning.kind === "exec" ? { command: command.join(" ") } : {}),
  };
}

/** What an operation touches, for `context.tables`, journal and reviewers. */
export function resourcePath(info: RequestInfo, name: string): string {
  if (!info.isResource) return info.path;
  const inside = info.namespace !== "" && info.resource !== "namespaces";
  const resource = info.group === "" ? info.resource : `${info.resource}.${info.group}`;
  const parts = [inside ? info.namespace : "", resource, name, info.subresource];
  return parts.filter((part) => part !== "").join("/");
}

/** SPDY is for streams.ts to refuse: kubectl falls back to it after every refusal, and prints what it hears last. */
function upgradeRefusal({ headers }: ClassifyRequest, { kind }: Meaning): Refusal | undefined {
  const upgrade = headers.upgrade?.toLowerCase();
  if (kind !== "request") {
    if (upgrade === "websocket" || upgrade?.startsWith("spdy/")) return;
    const reason = `${kind} needs an upgrade to a WebSocket`;
    return { rule: "websocket-only", reason, hint: "use kubectl 1.30 or later, 1.31 for port-forward" };
  }
  if (upgrade === undefined) return;
  return {
    rule: "upgrade",
    reason: "this is no stream to upgrade to",
    hint: "send the request without Upgrade",
  };
}

/** What the recording quotes: the body without values that are, or may be, masked. */
function shownOf(method: string, info: RequestInfo, body: Body): { readonly shown?: Shown } {
  if (body.shown === body.text) return {};
  return { shown: { text: `${method} ${info.target}`, parameters: [body.contentType, body.shown] } };
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
