import { stringify } from "yaml";
import type { MaskingRules } from "../../core/masking/rule.ts";
import type { Upstream } from "../protocol.ts";
import type { KubernetesSettings } from "./settings.ts";

/** The RBAC with which the gateway's account may impersonate the groups of the target's settings, and nothing else. */
export async function harden(
  upstream: Upstream<KubernetesSettings>,
  _masking: MaskingRules,
): Promise<string> {
  const { settings, target } = upstream;
  const groups = Object.values(settings.groups);
  const role = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "ihc-gateway" },
    rules: [
      { apiGroups: [""], resources: ["users"], verbs: ["impersonate"] },
      { apiGroups: [""], resources: ["groups"], verbs: ["impersonate"], resourceNames: groups },
      {
        apiGroups: ["authentication.k8s.io"],
        resources: ["userextras/ihc-session", "userextras/ihc-incident", "userextras/ihc-via"],
        verbs: ["impersonate"],
      },
    ],
  };
  const head = `# ihc targets harden ${target.name}: read it, then apply it; groups without a name in the target's settings must be added\n`;
  return await Promise.resolve(`${head}${stringify(role)}`);
}
