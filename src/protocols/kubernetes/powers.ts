import type { Finding } from "../protocol.ts";

/** What the gateway's account may do with nobody asking for it: the API server is asked, not the rules read. */
export interface Power {
  readonly severity: Finding["severity"];
  readonly rule: string;
  readonly does: string;
  readonly asks: ResourceAttributes;
}

/** As a SelfSubjectAccessReview takes them. */
export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly name?: string;
}

const core = (verb: string, resource: string, subresource?: string): ResourceAttributes => ({
  verb,
  group: "",
  resource,
  ...(subresource === undefined ? {} : { subresource }),
});
const rbac = (verb: string, resource: string): ResourceAttributes => ({
  verb,
  group: "rbac.authorization.k8s.io",
  resource,
});
const impersonates = (resource: string, name?: string): ResourceAttributes => ({
  verb: "impersonate",
  group: "",
  resource,
  ...(name === undefined ? {} : { name }),
});

/** Told alone where it is there: all others follow from it. */
export const everything: Power = {
  severity: "critical",
  rule: "cluster-admin",
  does: "may do everything, so that whoever fools the gateway has the cluster",
  asks: { verb: "*", group: "*", resource: "*" },
};

/** Whoever may do these needs no approval, no mask and no record. */
export const powers: readonly Power[] = [
  {
    severity: "critical",
    rule: "impersonates-masters",
    does: "may impersonate system:masters, whom no RBAC stops",
    asks: impersonates("groups", "system:masters"),
  },
  {
    severity: "critical",
    rule: "impersonates-any-group",
    does: "may impersonate any group; its rule names none in resourceNames",
    asks: impersonates("groups"),
  },
  {
    severity: "critical",
    rule: "impersonates-service-accounts",
    does: "may impersonate service accounts",
    asks: impersonates("serviceaccounts"),
  },
  {
    severity: "warning",
    rule: "impersonates-any-user",
    does: "may impersonate any user, system:kube-controller-manager among them",
    asks: impersonates("users"),
  },
  {
    severity: "critical",
    rule: "reads-secrets",
    does: "may read every secret as itself",
    asks: core("list", "secrets"),
  },
  {
    severity: "critical",
    rule: "runs-commands",
    does: "may run commands in any container as itself",
    asks: core("create", "pods", "exec"),
  },
  {
    severity: "critical",
    rule: "creates-pods",
    does: "may create pods, which may mount any secret",
    asks: core("create", "pods"),
  },
  {
    severity: "critical",
    rule: "reaches-kubelets",
    does: "may reach the kubelets through nodes/proxy, past the cluster's audit log",
    asks: core("get", "nodes", "proxy"),
  },
  {
    severity: "critical",
    rule: "issues-tokens",
    does: "may issue tokens of service accounts",
    asks: core("create", "serviceaccounts", "token"),
  },
  {
    severity: "critical",
    rule: "escalates",
    does: "may grant more than it has",
    asks: rbac("escalate", "clusterroles"),
  },
  {
    severity: "critical",
    rule: "binds",
    does: "may bind roles that it does not have",
    asks: rbac("bind", "clusterroles"),
  },
  {
    severity: "critical",
    rule: "changes-roles",
    does: "may change cluster roles",
    asks: rbac("update", "clusterroles"),
  },
  {
    severity: "critical",
    rule: "changes-admission",
    does: "may add webhooks, which see every object that is written",
    asks: {
      verb: "create",
      group: "admissionregistration.k8s.io",
      resource: "mutatingwebhookconfigurations",
    },
  },
  {
    severity: "warning",
    rule: "reads-pods",
    does: "may read pods as itself; it needs no rights but to impersonate",
    asks: core("list", "pods"),
  },
];

/** What it must be able to do, or everybody in the group is refused at the moment when they need it. */
export function needs(groups: readonly string[]): readonly Power[] {
  const extras = ["ihc-session", "ihc-incident", "ihc-via"].map(
    (name): Power => ({
      severity: "critical",
      rule: "cannot-impersonate",
      does: `may not impersonate with the extra field ${name}, which every request carries`,
      asks: {
        verb: "impersonate",
        group: "authentication.k8s.io",
        resource: "userextras",
        subresource: name,
      },
    }),
  );
  return [
    ...extras,
    ...groups.map(
      (group): Power => ({
        severity: "critical",
        rule: "cannot-impersonate",
        does: `may not impersonate the group ${group}: requests of its members are refused by the cluster`,
        asks: impersonates("groups", group),
      }),
    ),
  ];
}
