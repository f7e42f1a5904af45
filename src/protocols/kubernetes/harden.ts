import { Document } from "yaml";
import type { MaskingRules } from "../../core/masking/rule.ts";
import type { Upstream } from "../protocol.ts";
import type { KubernetesSettings } from "./settings.ts";

const rbac = "rbac.authorization.k8s.io";
const account = { name: "ihc-gateway", namespace: "ihc" };

/**
 * The RBAC with which the gateway's account may impersonate the groups of the target's settings, and nothing else, as YAML for
 * `kubectl apply -f -`.
 */
export async function harden(
  { settings, target }: Pick<Upstream<KubernetesSettings>, "settings" | "target">,
  _masking: MaskingRules,
): Promise<string> {
  const groups = [...new Set(Object.values(settings.groups))].sort();
  const documents = [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: account.namespace } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: account },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRole",
      metadata: { name: account.name },
      rules: [
        { apiGroups: [""], resources: ["users"], verbs: ["impersonate"] },
        // Without a name a rule would hold for every group, system:masters among them.
        ...(groups.length === 0
          ? []
          : [{ apiGroups: [""], resources: ["groups"], verbs: ["impersonate"], resourceNames: groups }]),
        {
          apiGroups: ["authentication.k8s.io"],
          resources: ["userextras/ihc-session", "userextras/ihc-incident", "userextras/ihc-via"],
          verbs: ["impersonate"],
        },
      ],
    },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: account.name },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: account.name },
      subjects: [{ kind: "ServiceAccount", ...account }],
    },
  ];
  const texts = documents.map((value) => new Document(value).toString({ lineWidth: 0 }));
  return await Promise.resolve(`${comment(target.name, groups)}${texts.join("---\n")}`);
}

function comment(target: string, groups: readonly string[]): string {
  const lines = [
    `ihc targets harden ${target}: read it, then kubectl apply -f - as an administrator of the cluster.`,
    "Bind what people may do to the impersonated groups, never to this account.",
    "Where you know the people, name them under users in resourceNames: without that the account may impersonate",
    "system users too, though the gateway refuses to.",
    ...(groups.length === 0
      ? [
          "No group is named in the target's settings (kubernetes.groups), so none may be impersonated yet: name there each",
          "group of your provider that has rights in the cluster, and print this again.",
        ]
      : []),
    `A token that does not last: kubectl -n ${account.namespace} create token ${account.name} --duration 12h`,
  ];
  return lines.map((line) => `# ${line}\n`).join("");
}
