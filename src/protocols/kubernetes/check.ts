import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { systemClock } from "../../base/clock.ts";
import type { MaskingRules } from "../../core/masking/rule.ts";
import type { Finding, Upstream } from "../protocol.ts";
import { everything, needs, type Power, powers, type ResourceAttributes } from "./powers.ts";
import type { KubernetesSettings } from "./settings.ts";
import { type Account, accountOf } from "./upstream.ts";

/** How soon the end of a certificate is told, milliseconds. */
const soon = 14 * 24 * 60 * 60 * 1000;
/** How long a token may last before it is called long-lived, milliseconds. */
const long = 26 * 60 * 60 * 1000;

/**
 * Connects as the gateway's own account and reports what it could do if the gateway were fooled, what it would need and has
 * not, and what of its credential will fail one night. Throws IhcError when the API server cannot be reached.
 */
export async function check(
  upstream: Pick<Upstream<KubernetesSettings>, "settings" | "secret" | "target">,
  _masking: MaskingRules,
): Promise<readonly Finding[]> {
  const account = accountOf(upstream);
  const { settings, target } = upstream;
  const hint = `apply what ihc targets harden ${target.name} prints`;
  const told = ({ severity, rule, does }: Power): Finding => ({
    severity,
    rule,
    message: `the gateway's account ${does}`,
    hint,
  });
  try {
    const version = await versionFindings(account);
    if (await may(account, everything.asks)) return [...version, told(everything)];
    const [too, missing] = await Promise.all([
      filtered(powers, ({ asks }) => may(account, asks)),
      filtered(needs(Object.values(settings.groups)), async ({ asks }) => !(await may(account, asks))),
    ]);
    return [...version, ...too.map(told), ...missing.map(told), ...(await credentialFindings(upstream))];
  } finally {
    account.close();
  }
}

async function filtered<T>(items: readonly T[], keep: (item: T) => Promise<boolean>): Promise<readonly T[]> {
  const kept = await Promise.all(items.map(keep));
  return items.filter((_, at) => kept[at]);
}

/** What the API server itself answers; an answer that is none counts as no. */
async function may(account: Account, resourceAttributes: ResourceAttributes): Promise<boolean> {
  const { body } = await account.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes },
  });
  const status = member(body, "status");
  return member(status, "allowed") === true;
}

async function versionFindings(account: Account): Promise<readonly Finding[]> {
  const { status, body } = await account.ask("GET", "/version");
  if (status === 401)
    return [
      {
        severity: "critical",
        rule: "credential-refused",
        message: "the API server refuses the gateway's credential",
        hint: "is it expired, or of another cluster? see kubernetes.credential in ihc.yaml",
      },
    ];
  const minor = Number.parseInt(String(member(body, "minor") ?? ""), 10);
  const version = String(member(body, "gitVersion") ?? "unknown");
  if (!Number.isInteger(minor))
    return [{ severity: "warning", rule: "no-version", message: "the server does not say its version" }];
  const older = minor < 30;
  return older
    ? [
        {
          severity: "info",
          rule: "older-cluster",
          message: `the cluster is ${version}: exec and port-forward are translated for it, which 1.30 and newer do not need`,
        },
      ]
    : [];
}

async function credentialFindings({
  settings,
  secret,
}: Pick<Upstream<KubernetesSettings>, "settings" | "secret">): Promise<readonly Finding[]> {
  const { credential } = settings;
  if ("certificate" in credential) {
    const { validToDate } = new X509Certificate(await readFile(credential.certificate));
    const left = validToDate.getTime() - systemClock.now().getTime();
    if (left > soon) return [];
    return [
      {
        severity: left > 0 ? "warning" : "critical",
        rule: "certificate-ends",
        message: `the client certificate ${left > 0 ? "ends" : "ended"} at ${validToDate.toISOString()}`,
        hint: "renew it",
      },
    ];
  }
  if (!("token" in credential)) return [];
  return lifetime(await secret(credential.token));
}

/** Tokens of the API server say how long they last; others tell nothing. */
function lifetime(token: string): readonly Finding[] {
  const claims = claimsOf(token);
  if (claims === undefined) return [];
  const [from, to] = [member(claims, "iat"), member(claims, "exp")].map(Number);
  const lasting = to === undefined || !Number.isFinite(to) || (to - (from ?? 0)) * 1000 > long;
  if (!lasting) return [];
  return [
    {
      severity: "warning",
      rule: "token-lasts",
      message: "the gateway's token lasts longer than a day, or for ever",
      hint: "use a projected token (in_cluster), an exec plugin, or kubectl create token --duration",
    },
  ];
}

function claimsOf(token: string): unknown {
  const [, payload, signature] = token.trim().split(".");
  if (payload === undefined || signature === undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return new Map<string, unknown>(Object.entries(value)).get(name);
}
