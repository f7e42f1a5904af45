import { clusterCanaries as canary } from "./canaries.ts";

/** An object to create, and where: the path of its collection. */
export interface Seed {
  readonly path: string;
  readonly object: Readonly<Record<string, unknown>>;
  /** Written to the status subresource afterwards. */
  readonly status?: Readonly<Record<string, unknown>>;
}

/** People whom the gateway's account may impersonate, and their groups as the gateway maps them. */
export const impersonated = {
  users: ["alice", "bob", "carol", "dave", "ana", "lee", "sam"].flatMap((name) => [name, `${name}@acme.io`]),
  groups: ["oncall", "sre", "sre-leads", "senior", "security", "auditors", "platform-admins"].map(
    (g) => `ihc:${g}`,
  ),
};

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const secretData = { password: base64(canary.password), token: base64(`x${canary.token}`) };
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** What a cluster holds before a test changes it: roles, a node, and two namespaces with something to hide. */
export function seedOf(kubeletPort: number): readonly Seed[] {
  return [...roles, node(kubeletPort), ...["prod-app", "other"].flatMap(namespaceWithApp)];
}

/** Fills `kubectl get nodes` and makes the API server dial the stand-in. */
export function node(kubeletPort: number): Seed {
  return {
    path: "/api/v1/nodes",
    object: { apiVersion: "v1", kind: "Node", metadata: { name: "n1" } },
    status: {
      addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      conditions: [{ type: "Ready", status: "True" }],
    },
  };
}

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const kind = (name: string) => ({ apiVersion: "rbac.authorization.k8s.io/v1", kind: name });

const roles: readonly Seed[] = [
  {
    path: `${rbac}/clusterroles`,
    object: {
      ...kind("ClusterRole"),
      metadata: { name: "ihc-gateway" },
      rules: [
        { apiGroups: [""], resources: ["users"], verbs: ["impersonate"], resourceNames: impersonated.users },
        {
          apiGroups: [""],
          resources: ["groups"],
          verbs: ["impersonate"],
          resourceNames: impersonated.groups,
        },
        {
          apiGroups: ["authentication.k8s.io"],
          resources: ["userextras/ihc-session", "userextras/ihc-incident", "userextras/ihc-via"],
          verbs: ["impersonate"],
        },
      ],
    },
  },
  binding("ihc-gateway", "ihc-gateway", { kind: "User", name: "ihc-gateway" }),
  {
    path: `${rbac}/clusterroles`,
    object: {
      ...kind("ClusterRole"),
      metadata: { name: "ihc-broad" },
      rules: [
        { apiGroups: ["*"], resources: ["users", "groups", "serviceaccounts"], verbs: ["impersonate"] },
      ],
    },
  },
  binding("ihc-broad", "ihc-broad", { kind: "User", name: "ihc-broad" }),
  // The cluster refuses these people nothing, so that in tests nothing but the gate stands between.
  ...impersonated.groups.map((group) =>
    binding(group.replace(":", "-"), "cluster-admin", { kind: "Group", name: group }),
  ),
];

function binding(name: string, role: string, subject: { kind: "User" | "Group"; name: string }): Seed {
  return {
    path: `${rbac}/clusterrolebindings`,
    object: {
      ...kind("ClusterRoleBinding"),
      metadata: { name },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", ...subject }],
    },
  };
}

function namespaceWithApp(namespace: string): readonly Seed[] {
  const core = `/api/v1/namespaces/${namespace}`;
  const apps = `/apis/apps/v1/namespaces/${namespace}`;
  const secret = { apiVersion: "v1", kind: "Secret", type: "Opaque", data: secretData };
  const applied = JSON.stringify({ ...secret, metadata: { name: "db-creds", namespace } });
  return [
    {
      path: "/api/v1/namespaces",
      object: { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } },
    },
    {
      path: `${core}/secrets`,
      object: { ...secret, metadata: { name: "db-creds", annotations: { [lastApplied]: applied } } },
    },
    {
      path: `${core}/configmaps`,
      object: {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "settings" },
        data: { LOG_LEVEL: "info", DB_PASSWORD: canary.settings, note: `paid with ${canary.card}` },
      },
    },
    pod(core, "web"),
    pod(core, "worker"),
    {
      path: `${core}/services`,
      object: {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "web" },
        spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080 }] },
      },
    },
    {
      path: `${apps}/deployments`,
      object: {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "web", labels: { app: "web" } },
        spec: {
          replicas: 2,
          selector: { matchLabels: { app: "web" } },
          template: { metadata: { labels: { app: "web" } }, spec: podSpec },
        },
      },
    },
    {
      path: `${core}/events`,
      object: {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: "web.1" },
        involvedObject: { kind: "Pod", name: "web", namespace },
        type: "Warning",
        reason: "LoginFailed",
        message: `login of ${canary.email} failed, card ${canary.card}`,
        firstTimestamp: "2026-01-01T00:00:00Z",
        lastTimestamp: "2026-01-01T00:00:00Z",
        count: 1,
      },
    },
  ];
}

const podSpec = {
  nodeName: "n1",
  containers: [
    {
      name: "c",
      image: "app:1",
      env: [
        { name: "LOG_LEVEL", value: "info" },
        { name: "DB_PASSWORD", value: canary.environment },
      ],
    },
  ],
};

function pod(core: string, name: string): Seed {
  return {
    path: `${core}/pods`,
    object: { apiVersion: "v1", kind: "Pod", metadata: { name, labels: { app: name } }, spec: podSpec },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: "True" }],
      containerStatuses: [
        {
          name: "c",
          image: "app:1",
          imageID: "app:1",
          ready: true,
          restartCount: 0,
          state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
        },
      ],
    },
  };
}
