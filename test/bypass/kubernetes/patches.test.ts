import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { clusterCanaries } from "../../support/kubernetes/canaries.ts";
import { withoutKubectl } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";
import { clean, prod } from "./support/scene.ts";

const deployment = "/apis/apps/v1/namespaces/prod-app/deployments/web";
const container = "/spec/template/spec/containers/0";
const json = "application/json-patch+json";
const merge = "application/merge-patch+json";
const strategic = "application/strategic-merge-patch+json";

const policy = `
@id("all") @grant("sre-leads") permit (principal in Group::"oncall", action, resource);
@id("secrets") @grant("sre-leads") permit (principal in Group::"oncall", action, resource)
when { context.traits.contains("uses-secret") };
@id("no-secrets") @grant("oncall") permit (principal in Group::"sre-leads", action, resource);
`;

describe("who may change everything", { skip: withoutKubectl() }, () => {
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  before(async () => {
    k = await startKubernetesWorld({ policy });
    await k.world.logIn("ana", "lee");
    const effects = ["read", "write", "destroy", "admin", "unknown"];
    ana = await k.connect("ana", { approver: "lee", args: ["--effect", ...effects] });
  });
  after(() => k?.stop());

  /** The status of each patch as a dry run, none of which shows a thing. */
  async function tried(target: string, contentType: string, ...bodies: readonly object[]): Promise<number[]> {
    const answers: number[] = [];
    for (const body of bodies) {
      const answer = await ana.api.call("PATCH", `${target}?dryRun=All`, { body, contentType });
      clean(answer.text, JSON.stringify(body));
      answers.push(answer.status);
    }
    return answers;
  }

  test("cannot ask by a patch's test whether a guess at a masked variable is right", async () => {
    const ask = (value: string) => [{ op: "test", path: `${container}/env/1/value`, value }];
    const answers = await tried(deployment, json, ask("wrong"), ask(clusterCanaries.environment));
    assert.deepEqual(answers, [403, 403]);
  });

  test("cannot rename a masked variable so that its value is shown", async () => {
    const path = `${container}/env/1/name`;
    const rename = (op: string) => [{ op, path, value: "PLAIN" }];
    assert.deepEqual(await tried(deployment, json, rename("replace"), rename("add")), [403, 403]);
  });

  test("who may not use secrets runs no other program in a workload that has some", async () => {
    const spec = (one: object) => ({ template: { spec: one } });
    const patch = spec({ containers: [{ name: "c", image: "mine" }] });
    const free = await k.connect("lee", { approver: "ana", args: ["--effect", "read", "write"] });
    const ask = async (contentType: string, body: object) =>
      (await free.api.call("PATCH", `${deployment}?dryRun=All`, { body, contentType })).status;
    assert.equal(await ask(strategic, { spec: patch }), 200, "it has none yet");
    const volumes = [{ name: "v", secret: { secretName: "db-creds" } }];
    const mount = { body: { spec: spec({ volumes }) }, contentType: strategic };
    assert.equal((await k.cluster.admin.call("PATCH", deployment, mount)).status, 200);
    assert.equal(await ask(strategic, { spec: patch }), 403);
    assert.equal(await ask(merge, { spec: patch }), 403);
    assert.equal(await ask(json, [{ op: "replace", path: `${container}/image`, value: "mine" }]), 403);
    assert.equal(await ask(json, [{ op: "add", path: `${container}/command`, value: ["cat"] }]), 403);
    assert.equal(await ask(json, [{ op: "remove", path: `${container}/env/0` }]), 403);
    assert.equal(await ask(strategic, { metadata: { labels: { a: "b" } } }), 200, "a label runs nothing");
    assert.equal(await ask(strategic, { spec: { replicas: 3 } }), 200);
  });

  test("reads no neighbour of a broken value in the complaint about it", async () => {
    const secret = [{ data: { zz: "!!!" } }, { data: { pz: 5 } }, { type: 5 }, { stringData: { a: {} } }];
    const answers = await tried(`${prod}/secrets/db-creds`, merge, ...secret);
    assert.ok(answers.every((status) => status === 422));
    await tried(
      `${prod}/configmaps/settings`,
      merge,
      { data: { DB_Z: 5 } },
      { binaryData: { DB_PASSWORD: "eA==" } },
    );
    const inPod = (one: object) => ({ spec: { containers: [{ name: "c", ...one }] } });
    const env = (one: object) => inPod({ env: [one] });
    await tried(
      `${prod}/pods/web`,
      strategic,
      env({ name: "DB_PASSWORD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }),
      env({ name: "LOG_LEVEL", value: 5 }),
      inPod({ ports: 5 }),
      { spec: { nodeName: "elsewhere" } },
      { spec: { dnsPolicy: "Odd" } },
    );
  });
});
