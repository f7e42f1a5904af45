import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { clusterCanaries, clusterCanariesIn } from "./canaries.ts";
import { type Cluster, startCluster } from "./cluster.ts";
import { withoutCluster } from "./tools.ts";

describe("the cluster of the tests", { skip: withoutCluster() }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  test("is Kubernetes 1.20.2 with the seed in it", async () => {
    assert.equal((await cluster.admin.call("GET", "/version")).json()["gitVersion"], "v1.20.2");
    const pods = await cluster.admin.call("GET", "/api/v1/namespaces/prod-app/pods");
    assert.match(pods.text, /"name":"web"/);
  });

  test("holds what must not be seen, and we would see it", async () => {
    const found = new Set<string>();
    for (const what of ["secrets", "configmaps", "pods", "events"]) {
      const { text } = await cluster.admin.call("GET", `/api/v1/namespaces/prod-app/${what}`);
      for (const one of clusterCanariesIn(text)) found.add(one);
    }
    assert.deepEqual([...found].sort(), Object.values(clusterCanaries).sort());
    const secrets = await cluster.admin.call("GET", "/api/v1/namespaces/prod-app/secrets/db-creds");
    assert.deepEqual(clusterCanariesIn(JSON.stringify(secrets.json()["data"])), [
      clusterCanaries.password,
      clusterCanaries.token,
    ]);
  });

  test("lets the gateway's account impersonate the people of the seed, and nothing else", async () => {
    const gateway = cluster.as("gateway");
    const target = "/api/v1/namespaces/prod-app/pods";
    assert.equal((await gateway.call("GET", target)).status, 403);
    const alice = { "impersonate-user": "alice@acme.io", "impersonate-group": ["ihc:oncall", "ihc:sre"] };
    assert.equal((await gateway.call("GET", target, { headers: alice })).status, 200);
    const [event] = await cluster.auditUntil((e) => e.impersonatedUser?.username === "alice@acme.io");
    assert.equal(event?.user.username, "ihc-gateway");
    assert.deepEqual(event?.impersonatedUser?.groups, ["ihc:oncall", "ihc:sre", "system:authenticated"]);
    for (const headers of [
      { "impersonate-user": "mallory" },
      { ...alice, "impersonate-group": ["system:masters"] },
      { ...alice, "impersonate-extra-else": "x" },
    ])
      assert.equal((await gateway.call("GET", target, { headers })).status, 403, JSON.stringify(headers));
  });

  test("reads logs through the kubelet's stand-in", async () => {
    const log = await cluster.admin.call("GET", "/api/v1/namespaces/prod-app/pods/web/log");
    assert.equal(log.text, "started\n");
    assert.ok(cluster.kubelet.requests.some((line) => line.startsWith("GET /containerLogs/prod-app/web/c")));
  });
});
