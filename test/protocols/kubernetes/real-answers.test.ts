import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { parseMasking } from "../../../src/core/masking/parse.ts";
import { objectMasks } from "../../../src/protocols/kubernetes/masks.ts";
import { acceptFor } from "../../../src/protocols/kubernetes/negotiate.ts";
import { responseMasker } from "../../../src/protocols/kubernetes/response.ts";
import { parseRequest, type RequestInfo } from "../../../src/protocols/kubernetes/wire/request-info.ts";
import type { ApiAnswer } from "../../support/kubernetes/api.ts";
import { clusterCanaries, clusterCanariesIn } from "../../support/kubernetes/canaries.ts";
import { type Cluster, startCluster } from "../../support/kubernetes/cluster.ts";
import { withoutCluster } from "../../support/kubernetes/tools.ts";

const masks = objectMasks(
  compileMasks(parseMasking([{ detect: ["email", "card"] }, { env: ["*_PASSWORD"] }]), Buffer.alloc(32)),
);
const app = "/api/v1/namespaces/prod-app";
const apps = "/apis/apps/v1/namespaces/prod-app";
const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json";
const protobuf = "application/vnd.kubernetes.protobuf,application/json";

interface Call {
  readonly accept?: string;
  readonly body?: object;
  readonly type?: string;
  /** The answer's status; 200 unless told. */
  readonly status?: number;
  /** The answer holds no canary even before it is masked. */
  readonly clean?: true;
}

const merge = "application/merge-patch+json";
const json = "application/json-patch+json";
const apply = "application/apply-patch+yaml";
const secret = {
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "new" },
  stringData: { a: clusterCanaries.password },
};
const badEnv = [
  {
    name: "DB_PASSWORD",
    value: clusterCanaries.environment,
    valueFrom: { fieldRef: { fieldPath: "metadata.name" } },
  },
];

const calls: readonly (readonly [method: string, target: string, call?: Call])[] = [
  ["GET", `${app}/secrets/db-creds`],
  ["GET", `${app}/secrets`],
  ["GET", "/api/v1/secrets"],
  ["GET", "/api/v1/secrets?limit=1"],
  ["GET", `${app}/secrets`, { accept: table }],
  ["GET", `${app}/secrets?includeObject=Object`, { accept: table }],
  ["GET", `${app}/secrets`, { accept: partial }],
  ["GET", `${app}/secrets`, { accept: protobuf }],
  ["GET", `${app}/secrets?watch=1&timeoutSeconds=1`],
  ["GET", `${app}/secrets?watch=1&timeoutSeconds=1&includeObject=Object`, { accept: table }],
  ["GET", "/api/v1/watch/namespaces/prod-app/secrets/db-creds?timeoutSeconds=1"],
  ["GET", `${app}/configmaps`],
  ["GET", `${app}/configmaps/settings`, { accept: protobuf }],
  ["GET", `${app}/pods`],
  ["GET", `${app}/pods?includeObject=Object`, { accept: table }],
  ["GET", `${app}/pods/web/status`],
  ["GET", `${apps}/deployments`],
  ["GET", `${apps}/deployments/web`],
  ["GET", `${app}/events`],
  ["GET", `${app}/events`, { accept: table }],
  ["PATCH", `${app}/secrets/db-creds`, { type: merge, body: { metadata: { labels: { a: "b" } } } }],
  [
    "PATCH",
    `${app}/secrets/db-creds?dryRun=All`,
    { type: json, body: [{ op: "test", path: "/data/password", value: "x" }], status: 422, clean: true },
  ],
  [
    "PATCH",
    `${app}/secrets/applied?fieldManager=t&force=true`,
    { type: apply, body: { ...secret, metadata: { name: "applied" } }, status: 201 },
  ],
  ["PATCH", `${app}/configmaps/settings?dryRun=All`, { type: merge, body: { data: { b: "c" } } }],
  ["POST", `${app}/secrets?dryRun=All`, { body: secret, status: 201 }],
  ["POST", `${app}/secrets`, { body: secret, status: 201 }],
  ["POST", `${app}/secrets`, { body: secret, status: 409, clean: true }],
  ["POST", `${app}/secrets`, { body: { ...secret, data: { a: clusterCanaries.password } }, status: 400 }],
  [
    "PATCH",
    `${app}/pods/web`,
    {
      type: merge,
      body: {
        spec: {
          containers: [
            {
              name: "c",
              image: "i",
              env: badEnv.slice(0, 1).map(({ name, value }) => ({ name, value: `${value}2` })),
            },
          ],
        },
      },
      status: 422,
    },
  ],
  [
    "PATCH",
    `${app}/services/web`,
    { type: merge, body: { spec: { type: clusterCanaries.settings } }, status: 422 },
  ],
  [
    "PATCH",
    `${apps}/deployments/web`,
    {
      type: merge,
      body: { spec: { selector: { matchLabels: { app: clusterCanaries.settings } } } },
      status: 422,
    },
  ],
  ["DELETE", `${app}/pods/worker?gracePeriodSeconds=0`],
  ["DELETE", `${app}/secrets?dryRun=All`],
  ["DELETE", `${app}/secrets`],
  ["GET", `${app}/secrets/none`, { status: 404, clean: true }],
  ["GET", `${app}/nonsense`, { status: 404, clean: true }],
  ["GET", `${app}/pods/web/log`, { clean: true }],
  ["GET", "/apis", { clean: true }],
  ["GET", "/api/v1", { clean: true }],
  ["GET", "/version", { clean: true }],
  [
    "GET",
    "/openapi/v2",
    { accept: "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", clean: true },
  ],
];

describe("answers of a real API server", { skip: withoutCluster() }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  for (const [method, target, call = {}] of calls)
    test(`${method} ${target.slice(0, 70)} ${call.accept ?? ""} ${call.status ?? ""} holds nothing sensitive once masked`, async () => {
      const info = parseRequest(method, target);
      const answer = await send(cluster, info, call, method);
      assert.equal(answer.status, call.status ?? 200, answer.text.slice(0, 500));
      const text = masked(info, answer);
      assert.deepEqual(clusterCanariesIn(text), [], text.slice(0, 2000));
      if (call.clean) {
        assert.equal(text, answer.text);
        return;
      }
      assert.notDeepEqual(
        clusterCanariesIn(answer.text),
        [],
        `it proves nothing: ${answer.text.slice(0, 300)}`,
      );
      for (const line of info.watch ? text.trim().split("\n") : [text]) JSON.parse(line);
    });
});

function send(
  cluster: Cluster,
  info: RequestInfo,
  { accept, body, type }: Call,
  method: string,
): Promise<ApiAnswer> {
  return cluster.admin.call(method, info.target, {
    ...(body === undefined ? {} : { body }),
    ...(type === undefined ? {} : { contentType: type }),
    headers: { accept: acceptFor(info, accept) },
  });
}

function masked(info: RequestInfo, answer: ApiAnswer): string {
  const mask = responseMasker(masks(info), info, answer);
  const out: Uint8Array[] = [];
  const bytes = Buffer.from(answer.text);
  for (let at = 0; at < bytes.length; at += 1000) out.push(mask.push(bytes.subarray(at, at + 1000)));
  out.push(mask.end());
  return Buffer.concat(out).toString("utf8");
}
