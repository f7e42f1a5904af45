import type { MaskingRules } from "../../core/masking/rule.ts";
import type { Finding, Upstream } from "../protocol.ts";
import type { KubernetesSettings } from "./settings.ts";
import { type Account, accountOf } from "./upstream.ts";

/** What the gateway's account may do with nobody asking for it: the API server is asked, not the rules read. */
interface Power {
  readonly severity: Finding["severity"];
  readonly rule: string;
  readonly does: string;
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly name?: string;
}

const powers: readonly Power[] = [
  {
    severity: "critical",
    rule: "cluster-admin",
    does: "may do everything",
    verb: "*",
    group: "*",
    resource: "*",
  },
  {
    severity: "critical",
    rule: "reads-secrets",
    does: "may read every secret",
    verb: "list",
    group: "",
    resource: "secrets",
  },
  {
    severity: "critical",
    rule: "impersonates-masters",
    does: "may impersonate system:masters",
    verb: "impersonate",
    group: "",
    resource: "groups",
    name: "system:masters",
  },
  {
    severity: "warning",
    rule: "impersonates-anyone",
    does: "may impersonate any group",
    verb: "impersonate",
    group: "",
    resource: "groups",
  },
  {
    severity: "critical",
    rule: "escalates",
    does: "may grant more than it has",
    verb: "escalate",
    group: "rbac.authorization.k8s.io",
    resource: "clusterroles",
  },
];

/** Connects as the gateway's own account and reports what it could do if the gateway were fooled. */
export async function check(
  upstream: Upstream<KubernetesSettings>,
  _masking: MaskingRules,
): Promise<readonly Finding[]> {
  const account = accountOf(upstream);
  try {
    const answers = await Promise.all(
      powers.map(async (power) => ({ power, may: await may(account, power) })),
    );
    const hint = `apply what ihc targets harden ${upstream.target.name} prints`;
    return answers
      .filter(({ may: allowed }) => allowed)
      .map(({ power: { severity, rule, does } }) => ({
        severity,
        rule,
        message: `the gateway's account ${does}`,
        hint,
      }));
  } finally {
    account.close();
  }
}

async function may(account: Account, { verb, group, resource, name }: Power): Promise<boolean> {
  const { body } = await account.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { verb, group, resource, ...(name === undefined ? {} : { name }) } },
  });
  if (typeof body !== "object" || body === null || !("status" in body)) return false;
  const { status } = body;
  return typeof status === "object" && status !== null && "allowed" in status && status.allowed === true;
}
