import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { Principal } from "../../core/access/principal.ts";
import type { MaskPlan } from "../../core/masking/plan.ts";
import type { Refusal } from "../../core/session/operation.ts";
import type { ResponseHead, StatusAnswer } from "./exchange.ts";
import { isCarried, isReserved, type KubernetesSettings } from "./settings.ts";

/**
 * Which headers pass. Both ways it is a list of what does: whatever else a client or the API server says stays here, so no
 * inbound identity (`impersonate-*`, `x-remote-*`, `authorization`, cookies) is ever read by the cluster.
 */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

const inbound: readonly string[] = ["user-agent", "kubectl-command", "kubectl-session"];
const outbound: readonly string[] = ["content-type", "audit-id", "cache-control", "retry-after"];
const longest = 1024;

/** Of two of these nobody knows which one counts. */
const single: readonly string[] = ["authorization", "content-type", "content-length", "upgrade", "host"];

/** Why a request is refused for its headers alone, before it is read. */
export function headerRefusal(raw: readonly string[]): StatusAnswer | undefined {
  const names = raw.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
  const repeated = single.find((name) => names.filter((one) => one === name).length > 1);
  if (repeated === undefined) return undefined;
  const message = `ihc: denied by rule repeated-header: the header ${repeated} may stand once`;
  return { code: 400, reason: "BadRequest", message };
}

/** Inbound impersonation is refused rather than dropped, so that nobody believes that they act as somebody else. */
export function pretence(raw: readonly string[]): Refusal | undefined {
  const names = raw.filter((_, at) => at % 2 === 0);
  if (!names.some((name) => /^impersonate[-_]/i.test(name))) return undefined;
  return {
    rule: "inbound-impersonation",
    reason: "the gateway says who you are, a client does not",
    hint: "leave out --as, --as-group, --as-uid and --as-user-extra",
  };
}

/** The client's headers that are sent on. Values with control characters are left out. */
export function forwarded(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): Headers {
  return Object.fromEntries(
    inbound.flatMap((name) => {
      const value = headers[name];
      const fits = typeof value === "string" && value.length <= longest && !/[^\x20-\x7e]/.test(value);
      return fits ? [[name, value]] : [];
    }),
  );
}

/**
 * The headers that make the cluster see the person: one Impersonate-Group line for each group, mapped and prefixed. Throws
 * IhcError `denied` for a name or group that Kubernetes keeps for itself or that no header can carry.
 */
export function impersonation(
  principal: Pick<Principal, "name" | "groups" | "via">,
  settings: Naming,
  about: { readonly session: string; readonly incident?: string | undefined },
): Headers {
  const groups = principal.groups.flatMap((group) => groupsOf(group, settings));
  return {
    "Impersonate-User": userOf(principal.name, settings),
    ...(groups.length > 0 ? { "Impersonate-Group": [...new Set(groups)] } : {}),
    "Impersonate-Extra-ihc-session": about.session,
    ...(about.incident === undefined
      ? {}
      : { "Impersonate-Extra-ihc-incident": carriedText(about.incident) }),
    ...(principal.via ? { "Impersonate-Extra-ihc-via": carriedText(principal.via.name) } : {}),
  };
}

type Naming = Pick<KubernetesSettings, "user_prefix" | "group_prefix" | "groups" | "other_groups" | "users">;

function userOf(name: string, { user_prefix: prefix, users }: Naming): string {
  if (users === undefined || users.includes(name))
    return carried(`${prefix}${claimed(name, "user")}`, "user");
  throw new IhcError("denied", `${visible(name)} is not one of the people named for this target`, {
    rule: "impersonation",
    hint: "tell the gateway's operator: users in the target's settings",
  });
}

function groupsOf(
  group: string,
  { groups, group_prefix: prefix, other_groups: others }: Naming,
): readonly string[] {
  const claim = claimed(group, "group");
  const mapped = Object.hasOwn(groups, claim) ? groups[claim] : undefined;
  if (mapped === undefined && others === "leave_out") return [];
  return [carried(mapped ?? `${prefix}${claim}`, "group")];
}

/** What a provider says somebody is called: refused when it is a name of Kubernetes' own, whatever prefix it would get. */
function claimed(name: string, what: "user" | "group"): string {
  if (isReserved(name)) throw reserved(what, name);
  return name;
}

/** UTF-8 in the bytes of a header, as Go reads them. */
function carried(name: string, what: "user" | "group"): string {
  if (isReserved(name)) throw reserved(what, name);
  if (name === "" || !isCarried(name))
    throw new IhcError("denied", `the ${what} name ${visible(name)} cannot be impersonated`, {
      rule: "impersonation",
      hint: "the operator must map it: groups in the target's settings, or another name claim",
    });
  return Buffer.from(name, "utf8").toString("latin1");
}

/** Free text, made fit for a header. */
function carriedText(text: string): string {
  return Buffer.from(visible(text).trim(), "utf8").toString("latin1");
}

function reserved(what: string, name: string): IhcError {
  return new IhcError(
    "denied",
    `the ${what} ${visible(name)} begins with system:, which Kubernetes keeps for itself`,
    {
      rule: "reserved-identity",
      hint: "tell the gateway's operator: no provider may claim it",
    },
  );
}

/** What of an answer's head the client gets, and what we warn of. The server's warnings can quote values, so they are masked. */
export function answered(
  { headers }: ResponseHead,
  masks: Pick<MaskPlan, "text">,
  own: readonly string[],
): Record<string, string | string[]> {
  const kept = outbound.flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  const { warning: theirs } = headers;
  const warnings = [...(typeof theirs === "string" ? [headerText(masks.text(theirs))] : []), ...own];
  return { ...Object.fromEntries(kept), ...(warnings.length > 0 ? { warning: warnings } : {}) };
}

/** `Warning: 299 - "text"` (RFC 7234, 5.5), which kubectl and client-go print. */
export function warning(text: string): string {
  return `299 - "ihc: ${headerText(visible(text)).replace(/[\\"]/g, "\\$&")}"`;
}

function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?");
}
