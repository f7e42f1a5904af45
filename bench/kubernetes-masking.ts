/** What masking answers of a cluster costs per megabyte, without sockets, beside parsing and writing them again. */
import { compileMasks } from "../src/core/masking/compile.ts";
import { detectorNames, type MaskingRule } from "../src/core/masking/rule.ts";
import { type Asked, objectMasks } from "../src/protocols/kubernetes/masks.ts";
import { responseMasker } from "../src/protocols/kubernetes/response.ts";

export interface DocumentFigure {
  readonly name: string;
  readonly microsPerMb: number;
}

const chunkSize = 64 * 1024;

/** Runs all variants, each over a list of about `megabytes`. */
export function benchKubernetesMasking(megabytes: number): readonly DocumentFigure[] {
  const detect: MaskingRule = { detect: detectorNames, how: "redact" };
  const pods = list("PodList", pod, megabytes);
  const nodes = list("NodeList", node, megabytes);
  const secrets = list("SecretList", secret, megabytes);
  return [
    measure("pods, variables", pods, [], "pods"),
    measure("pods, variables and detectors", pods, [detect], "pods"),
    measure("pods, a field rule", pods, [{ fields: ["pods/spec/nodeName"], how: "redact" }], "pods"),
    measure("secrets", secrets, [], "secrets"),
    measure("nodes, nothing to mask", nodes, [], "nodes"),
    measure("nodes, detectors", nodes, [detect], "nodes"),
    parsed("pods, JSON.parse and stringify of the whole", pods),
  ];
}

function measure(
  name: string,
  body: Buffer,
  rules: readonly MaskingRule[],
  resource: string,
): DocumentFigure {
  const masks = objectMasks(compileMasks({ mode: "strict", rules }, Buffer.alloc(32, 1)));
  const asked: Asked = { isResource: true, group: "", resource, subresource: "", watch: false, path: "" };
  const head = { status: 200, headers: { "content-type": "application/json" } };
  return timed(name, body.length, () => {
    const mask = responseMasker(masks(asked), asked, head);
    let length = 0;
    for (let at = 0; at < body.length; at += chunkSize)
      length += mask.push(body.subarray(at, at + chunkSize)).length;
    if (length + mask.end().length === 0 || mask.counts().objects < 100)
      throw new Error("nothing was measured");
  });
}

function parsed(name: string, body: Buffer): DocumentFigure {
  return timed(name, body.length, () => {
    if (JSON.stringify(JSON.parse(body.toString("utf8"))).length === 0) throw new Error("nothing was measured");
  });
}

function timed(name: string, bytes: number, pass: () => void): DocumentFigure {
  pass();
  const start = process.cpuUsage();
  for (let i = 0; i < 3; i++) pass();
  const { user, system } = process.cpuUsage(start);
  return { name, microsPerMb: (user + system) / ((3 * bytes) / 1e6) };
}

function list(kind: string, item: (i: number) => unknown, megabytes: number): Buffer {
  const items: string[] = [];
  for (let bytes = 0; bytes < megabytes * 1e6; ) {
    const text = JSON.stringify(item(items.length));
    items.push(text);
    bytes += text.length + 1;
  }
  return Buffer.from(`{"kind":"${kind}","apiVersion":"v1","metadata":{},"items":[${items.join(",")}]}\n`);
}

function metadata(name: string, i: number): unknown {
  return {
    name: `${name}-${i}`,
    namespace: "shop",
    uid: `8a3f9c1e-41d7-4222-8333-${String(i).padStart(12, "a")}`,
    resourceVersion: String(100_000 + i),
    creationTimestamp: "2026-11-23T10:00:00Z",
    labels: { app: name, tier: "front", "pod-template-hash": "6d4cf56db6" },
    managedFields: [
      {
        manager: "kubectl-client-side-apply",
        operation: "Update",
        apiVersion: "v1",
        time: "2026-11-23T10:00:00Z",
        fieldsType: "FieldsV1",
        fieldsV1: {
          "f:metadata": { "f:labels": { ".": {}, "f:app": {}, "f:tier": {} } },
          "f:spec": {
            "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:env": {}, "f:image": {}, "f:ports": {} } },
          },
        },
      },
    ],
  };
}

function pod(i: number): unknown {
  return {
    metadata: metadata("web", i),
    spec: {
      containers: [
        {
          name: "web",
          image: "registry.example/shop/web:1.29.3",
          env: [
            { name: "MODE", value: "production" },
            { name: "DB_PASSWORD", value: "correct horse battery staple" },
            { name: "DB_USER", valueFrom: { secretKeyRef: { name: "db", key: "user" } } },
          ],
          ports: [{ containerPort: 8080, protocol: "TCP" }],
          resources: { limits: { cpu: "500m", memory: "256Mi" }, requests: { cpu: "100m", memory: "64Mi" } },
          volumeMounts: [{ name: "kube-api-access", readOnly: true, mountPath: "/var/run/secrets" }],
        },
      ],
      nodeName: `node-${i % 40}`,
      serviceAccountName: "default",
      tolerations: [{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" }],
    },
    status: {
      phase: "Running",
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
        type,
        status: "True",
        lastTransitionTime: "2026-11-23T10:00:04Z",
      })),
      podIP: `10.2.${(i >> 8) & 255}.${i & 255}`,
      startTime: "2026-11-23T10:00:01Z",
    },
  };
}

function node(i: number): unknown {
  return {
    metadata: metadata("node", i),
    spec: { podCIDR: "10.2.0.0/24", providerID: `example:///zone/${i}` },
    status: {
      capacity: { cpu: "8", memory: "32Gi", pods: "110" },
      images: Array.from({ length: 20 }, (_, at) => ({
        names: [`registry.example/shop/image-${at}:1.${at}`],
        sizeBytes: 1234 * at,
      })),
    },
  };
}

function secret(i: number): unknown {
  const data = { username: "YWRtaW4=", password: Buffer.from(`hunter${i}`).toString("base64") };
  return { metadata: metadata("creds", i), data, type: "Opaque" };
}
