import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { classified } from "./requests.ts";

const pods = "POST /api/v1/namespaces/a/pods";
const deployment = "PATCH /apis/apps/v1/namespaces/a/deployments/x";
const merge = "application/merge-patch+json";
const strategic = "application/strategic-merge-patch+json";
const json = "application/json-patch+json";

const secretUses: Readonly<Record<string, unknown>> = {
  "an environment variable": {
    containers: [{ env: [{ name: "P", valueFrom: { secretKeyRef: { name: "db", key: "p" } } }] }],
  },
  envFrom: { containers: [{ envFrom: [{ secretRef: { name: "db" } }] }] },
  "an init container": { initContainers: [{ envFrom: [{ secretRef: { name: "db" } }] }] },
  "an ephemeral container": { ephemeralContainers: [{ envFrom: [{ secretRef: { name: "db" } }] }] },
  "a volume": { volumes: [{ name: "v", secret: { secretName: "db" } }] },
  "a projected volume": { volumes: [{ name: "v", projected: { sources: [{ secret: { name: "db" } }] } }] },
  "a pull secret": { imagePullSecrets: [{ name: "db" }] },
  "a storage driver": { volumes: [{ csi: { driver: "d", nodePublishSecretRef: { name: "db" } } }] },
  "a reference by kind": { volumes: [{ source: { kind: "Secret", name: "db" } }] },
  "other letters": { Volumes: [{ SECRET: { SecretName: "db" } }] },
  "an unknown member": { authSecretName: "db" },
};

suite("a body that uses a secret", () => {
  for (const [what, spec] of Object.entries(secretUses)) {
    test(`by ${what}, in a pod`, () => {
      const operation = classified(pods, { body: { kind: "Pod", spec } });
      assert.ok(operation.traits.includes("uses-secret"));
      assert.equal(operation.refusal, undefined);
    });

    test(`by ${what}, in templates, patches and whatever holds a pod`, () => {
      const template = { spec: { jobTemplate: { spec: { template: { spec } } } } };
      for (const [line, type, body] of [
        ["POST /apis/batch/v1/namespaces/a/cronjobs", undefined, template],
        ["PUT /apis/apps/v1/namespaces/a/statefulsets/x", undefined, template],
        [deployment, merge, template],
        [deployment, strategic, template],
        [deployment, "application/apply-patch+yaml", template],
        [deployment, json, [{ op: "add", path: "/spec/template/spec", value: spec }]],
        ["POST /api/v1/namespaces/a/podtemplates", undefined, { template: { spec } }],
      ] as const) {
        const operation = classified(line, { ...(type ? { type } : {}), body });
        assert.ok(operation.traits.includes("uses-secret"), `${line} ${type}`);
      }
    });
  }

  test("is told with the secret's name", () => {
    const body = { spec: secretUses["a projected volume"] };
    assert.deepEqual(classified(pods, { body }).resources, ["a/pods", "a/secrets/db"]);
  });

  for (const path of [
    "/spec/template/spec/volumes/0/secret/secretName",
    "/spec/template/spec/imagePullSecrets/0/name",
    "/spec/template/spec/containers/0/envFrom/0/secretRef/name",
    "/spec/template/spec/containers/0/env/0/valueFrom/secretKeyRef/key",
  ])
    test(`by the path ${path} of a JSON patch`, () => {
      const body = [{ op: "replace", path, value: "db" }];
      assert.ok(classified(deployment, { type: json, body }).traits.includes("uses-secret"));
    });

  test("by a workload written inside of a text", () => {
    const body = { spec: { valuesContent: "envFrom:\n- secretRef:\n    name: db\n" } };
    assert.ok(classified(pods, { body }).traits.includes("uses-secret"));
  });

  test("at any depth", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.constantFrom("spec", "template", "items"), fc.constant(0))),
        (path) => {
          const use: unknown = { secretRef: { name: "db" } };
          const body = path.reduceRight((inner, key) => (key === 0 ? [inner] : { [key]: inner }), use);
          const operation = classified(pods, { body: { spec: body } });
          assert.ok(operation.traits.includes("uses-secret"));
        },
      ),
    );
  });

  test("is not what only talks of secrets, takes them away, or holds data", () => {
    for (const [line, type, body] of [
      [pods, undefined, { metadata: { annotations: { "x/secretRef": "db" }, labels: { secret: "yes" } } }],
      [pods, undefined, { metadata: { managedFields: [{ fieldsV1: { "f:secretRef": { "f:name": {} } } }] } }],
      [deployment, merge, { spec: { imagePullSecrets: null, volumes: [{ secret: null }] } }],
      [deployment, json, [{ op: "remove", path: "/spec/template/spec/imagePullSecrets" }]],
      [deployment, json, [{ op: "add", path: "/metadata/labels/secret", value: "yes" }]],
      ["POST /api/v1/namespaces/a/configmaps", undefined, { data: { client_secret: "x" } }],
      ["POST /api/v1/namespaces/a/secrets", undefined, { kind: "Secret", stringData: { secretName: "x" } }],
      [
        `${"POST"} /apis/rbac.authorization.k8s.io/v1/namespaces/a/roles`,
        undefined,
        { rules: [{ resources: ["secrets"] }] },
      ],
      [pods, undefined, { spec: { automountServiceAccountToken: false, containers: [{ image: "secret" }] } }],
    ] as const)
      assert.ok(
        !classified(line, { ...(type ? { type } : {}), body }).traits.includes("uses-secret"),
        JSON.stringify(body),
      );
  });

  test("is a milder thing where an ingress names its certificate", () => {
    const body = { spec: { tls: [{ secretName: "cert" }] } };
    const line = "POST /apis/networking.k8s.io/v1/namespaces/a/ingresses";
    assert.deepEqual(classified(line, { body }).traits, ["names-secret"]);
  });
});

suite("a body that lifts the limits of a pod", () => {
  const rows: readonly [unknown, string, string][] = [
    [{ volumes: [{ hostPath: { path: "/" } }] }, "host-path", "admin"],
    [{ hostPID: true }, "host-namespace", "admin"],
    [{ hostNetwork: true }, "host-namespace", "admin"],
    [{ hostIPC: "true" }, "host-namespace", "admin"],
    [{ containers: [{ securityContext: { privileged: true } }] }, "privileged", "admin"],
    [{ securityContext: { windowsOptions: { hostProcess: true } } }, "privileged", "admin"],
    [
      { containers: [{ securityContext: { capabilities: { add: ["SYS_ADMIN"] } } }] },
      "capabilities",
      "write",
    ],
    [{ serviceAccountName: "admin" }, "service-account", "write"],
    [
      { volumes: [{ projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] },
      "service-account",
      "write",
    ],
    [{ replicas: 0 }, "scale-to-zero", "write"],
    [{ externalIPs: ["10.0.0.1"] }, "external-ips", "write"],
  ];
  for (const [spec, trait, effect] of rows)
    test(`${JSON.stringify(spec)} is ${trait}`, () => {
      const operation = classified(pods, { body: { spec } });
      assert.ok(operation.traits.includes(trait));
      assert.equal(operation.effect, effect);
      const patch = [{ op: "replace", path: "/spec", value: spec }];
      assert.ok(classified(deployment, { type: json, body: patch }).traits.includes(trait));
    });

  test("nothing of it is said where the limits stay", () => {
    const spec = {
      hostPID: false,
      serviceAccountName: "default",
      replicas: 2,
      containers: [{ securityContext: { privileged: false, capabilities: { drop: ["ALL"] } } }],
    };
    assert.deepEqual(classified(pods, { body: { spec } }).traits, ["pod-template"]);
  });

  test("finalizers that a patch sets or takes away are named", () => {
    for (const [type, body] of [
      [merge, { metadata: { finalizers: null } }],
      [json, [{ op: "remove", path: "/metadata/finalizers/0" }]],
      [json, [{ op: "replace", path: "/metadata", value: { finalizers: [] } }]],
    ] as const)
      assert.ok(classified(deployment, { type, body }).traits.includes("finalizers"), JSON.stringify(body));
  });

  test("roles that may act as others and bindings to the highest role are named", () => {
    const rbac = "POST /apis/rbac.authorization.k8s.io/v1";
    const role = classified(`${rbac}/clusterroles`, { body: { rules: [{ verbs: ["impersonate"] }] } });
    assert.ok(role.traits.includes("impersonate"));
    const all = classified(`${rbac}/clusterroles`, { body: { rules: [{ verbs: ["*"] }] } });
    assert.ok(all.traits.includes("impersonate"));
    const bound = classified(`${rbac}/namespaces/a/rolebindings`, {
      body: { roleRef: { name: "cluster-admin" } },
    });
    assert.ok(bound.traits.includes("cluster-admin"));
  });
});
