/**
 * The resources that Kubernetes itself has had up to 1.35, by group: `scope subresource …`. What is not here (custom resources,
 * aggregated API servers) is asked of the cluster's discovery and off unless a policy names it.
 * https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.33/
 */
export interface Known {
  readonly namespaced: boolean;
  readonly subresources: ReadonlySet<string>;
}

/** What is known about a resource of Kubernetes' own; undefined for all others. */
export function knownResource(group: string, resource: string): Known | undefined {
  return table.get(`${resource}.${group}`);
}

const scaled = "namespaced scale status";
const controlled = "namespaced status";

const resources: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "": {
    bindings: "namespaced",
    componentstatuses: "cluster",
    configmaps: "namespaced",
    endpoints: "namespaced",
    events: "namespaced",
    limitranges: "namespaced",
    namespaces: "cluster finalize status",
    nodes: "cluster proxy status",
    persistentvolumeclaims: controlled,
    persistentvolumes: "cluster status",
    pods: "namespaced attach binding ephemeralcontainers eviction exec log portforward proxy resize status",
    podtemplates: "namespaced",
    replicationcontrollers: scaled,
    resourcequotas: controlled,
    secrets: "namespaced",
    serviceaccounts: "namespaced token",
    services: "namespaced proxy status",
  },
  "admissionregistration.k8s.io": {
    mutatingadmissionpolicies: "cluster",
    mutatingadmissionpolicybindings: "cluster",
    mutatingwebhookconfigurations: "cluster",
    validatingadmissionpolicies: "cluster status",
    validatingadmissionpolicybindings: "cluster",
    validatingwebhookconfigurations: "cluster",
  },
  "apiextensions.k8s.io": { customresourcedefinitions: "cluster status" },
  "apiregistration.k8s.io": { apiservices: "cluster status" },
  apps: {
    controllerrevisions: "namespaced",
    daemonsets: controlled,
    deployments: scaled,
    replicasets: scaled,
    statefulsets: scaled,
  },
  "authentication.k8s.io": { selfsubjectreviews: "cluster", tokenreviews: "cluster" },
  "authorization.k8s.io": {
    localsubjectaccessreviews: "namespaced",
    selfsubjectaccessreviews: "cluster",
    selfsubjectrulesreviews: "cluster",
    subjectaccessreviews: "cluster",
  },
  autoscaling: { horizontalpodautoscalers: controlled },
  batch: { cronjobs: controlled, jobs: controlled },
  "certificates.k8s.io": {
    certificatesigningrequests: "cluster approval status",
    clustertrustbundles: "cluster",
    podcertificaterequests: controlled,
  },
  "coordination.k8s.io": { leasecandidates: "namespaced", leases: "namespaced" },
  "discovery.k8s.io": { endpointslices: "namespaced" },
  "events.k8s.io": { events: "namespaced" },
  extensions: {
    daemonsets: controlled,
    deployments: `${scaled} rollback`,
    ingresses: controlled,
    networkpolicies: "namespaced",
    podsecuritypolicies: "cluster",
    replicasets: scaled,
    replicationcontrollers: "namespaced scale",
  },
  "flowcontrol.apiserver.k8s.io": {
    flowschemas: "cluster status",
    prioritylevelconfigurations: "cluster status",
  },
  "metrics.k8s.io": { nodes: "cluster", pods: "namespaced" },
  "networking.k8s.io": {
    ingressclasses: "cluster",
    ingresses: controlled,
    ipaddresses: "cluster",
    networkpolicies: controlled,
    servicecidrs: "cluster status",
  },
  "node.k8s.io": { runtimeclasses: "cluster" },
  policy: { poddisruptionbudgets: controlled, podsecuritypolicies: "cluster" },
  "rbac.authorization.k8s.io": {
    clusterrolebindings: "cluster",
    clusterroles: "cluster",
    rolebindings: "namespaced",
    roles: "namespaced",
  },
  "resource.k8s.io": {
    deviceclasses: "cluster",
    devicetaintrules: "cluster",
    resourceclaims: controlled,
    resourceclaimtemplates: "namespaced",
    resourceslices: "cluster",
  },
  "scheduling.k8s.io": { priorityclasses: "cluster" },
  "storage.k8s.io": {
    csidrivers: "cluster",
    csinodes: "cluster",
    csistoragecapacities: "namespaced",
    storageclasses: "cluster",
    volumeattachments: "cluster status",
    volumeattributesclasses: "cluster",
  },
};

const table: ReadonlyMap<string, Known> = new Map(
  Object.entries(resources).flatMap(([group, members]) =>
    Object.entries(members).map(([resource, text]): [string, Known] => {
      const [scope, ...subresources] = text.split(" ");
      return [
        `${resource}.${group}`,
        { namespaced: scope === "namespaced", subresources: new Set(subresources) },
      ];
    }),
  ),
);
