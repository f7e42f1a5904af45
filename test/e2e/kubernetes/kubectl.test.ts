import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { stringify } from "yaml";
import { type RunKubectl, runner } from "../../support/kubernetes/kubectl.ts";
import { kubectls, withoutKubectl } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";

/** The oldest, the newest, and the first whose exec is a WebSocket. */
const versions = kubectls().filter(({ version }) => ["1.27", "1.30", "1.33"].includes(version));

describe("kubectl through the gateway", { skip: withoutKubectl() }, () => {
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ihc-kubectl-"));
    k = await startKubernetesWorld();
    await k.world.logIn("ana", "lee");
    ana = await k.connect("ana", { approver: "lee" });
  });
  after(async () => {
    rmSync(folder, { recursive: true });
    await k.stop();
  });

  test("every version lists pods", async () => {
    for (const kubectl of kubectls()) {
      const { stdout } = await runner(() => ana, kubectl)(["get", "pods"]);
      assert.match(stdout, /web +1\/1 +Running/, kubectl.version);
    }
  });

  for (const kubectl of versions)
    describe(kubectl.version, () => {
      const run: RunKubectl = runner(() => ana, kubectl);
      const file = (name: string, object: object): string => {
        const path = join(folder, `${kubectl.version}-${name}.yaml`);
        writeFileSync(path, stringify(object));
        return path;
      };

      test("get in every form shows masked objects", async () => {
        assert.match((await run(["get", "pod", "web", "-o", "yaml"])).stdout, /name: DB_PASSWORD/);
        assert.match((await run(["get", "pods", "-o", "wide"])).stdout, /n1/);
        assert.match((await run(["get", "pods", "-A", "-o", "json"])).stdout, /"namespace": "other"/);
        assert.match((await run(["get", "secret", "db-creds", "-o", "yaml"])).stdout, /password: \S+/);
        await run(["get", "secrets", "-o", "jsonpath={.items[*].data}"]);
        await run(["get", "secret", "db-creds", "-o", "go-template={{.data.password | base64decode}}"]);
        assert.match(
          (await run(["get", "configmap", "settings", "-o", "json"])).stdout,
          /"LOG_LEVEL": "info"/,
        );
        assert.match((await run(["get", "events"])).stdout, /LoginFailed/);
        assert.match((await run(["get", "nodes,services,deployments"])).stdout, /deployment\.apps\/web/);
        assert.match((await run(["describe", "pod", "web"])).stdout, /Status: +Running/);
        assert.match((await run(["describe", "secret", "db-creds"])).stdout, /password: +\d+ bytes/);
        assert.match((await run(["get", "--raw", "/version"])).stdout, /v1\.20\.2/);
        assert.match((await run(["api-resources"])).stdout, /deployments/);
        assert.match((await run(["explain", "pods.spec.nodeName"])).stdout, /nodeName/);
        assert.match(
          (await run(["get", "pods", "-l", "app=web", "--field-selector", "status.phase=Running"])).stdout,
          /web/,
        );
        assert.match((await run(["get", "pods", "--chunk-size=1"])).stdout, /web[\s\S]*worker/);
      });

      test("get of what is not there says so, as the server does", async () => {
        const { stderr } = await run(["get", "pod", "nothing"], { code: 1 });
        assert.match(stderr, /Error from server \(NotFound\): pods "nothing" not found/);
      });

      test("create, apply, diff, edit, patch, label and delete change what they say", async () => {
        const name = `made-${kubectl.version.replace(".", "-")}`;
        const settings = (level: string) => ({
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name },
          data: { LEVEL: level },
        });
        const held = async () =>
          (await k.cluster.admin.call("GET", `/api/v1/namespaces/prod-app/configmaps/${name}`)).text;
        assert.match((await run(["create", "-f", file("cm", settings("one"))])).stdout, /created/);
        await run(["apply", "-f", file("cm", settings("two"))]);
        assert.match(await held(), /"LEVEL":"two"/);
        assert.match(
          (await run(["diff", "-f", file("cm", settings("three"))], { code: 1 })).stdout,
          /\+ +LEVEL: three/,
        );
        assert.match(await held(), /"LEVEL":"two"/);
        await run(["apply", "--server-side", "--force-conflicts", "-f", file("cm", settings("four"))]);
        assert.match(await held(), /"LEVEL":"four"/);
        await run(["edit", "configmap", name], { environment: { KUBE_EDITOR: "sed -i s/four/five/" } });
        assert.match(await held(), /"LEVEL":"five"/);
        await run(["label", "configmap", name, "team=payments"]);
        await run(["annotate", "configmap", name, "note=here"]);
        assert.match(await held(), /"team":"payments"/);
        assert.match((await run(["delete", "configmap", name, "--wait=true"])).stdout, /deleted/);
        assert.match(await held(), /NotFound/);
      });

      test("edit of a deployment leaves the masked values alone", async () => {
        const replicas = Number(kubectl.version.split(".")[1]);
        await run(["edit", "deployment", "web"], {
          environment: { KUBE_EDITOR: `sed -i 's/replicas: [0-9]*$/replicas: ${replicas}/'` },
        });
        const seen = await k.cluster.admin.call("GET", "/apis/apps/v1/namespaces/prod-app/deployments/web");
        assert.match(seen.text, new RegExp(`"replicas":${replicas}`));
        assert.match(seen.text, /CANARY-env/);
      });

      test("what was read masked cannot be written back over the secret", async () => {
        const { stdout } = await run(["get", "secret", "db-creds", "-o", "yaml"]);
        const refused = await run(["replace", "-f", "-"], { code: 1, input: stdout });
        assert.match(refused.stderr, /denied by rule|mask/);
        const seen = await k.cluster.admin.call("GET", "/api/v1/namespaces/prod-app/secrets/db-creds");
        const secret = seen.json()["data"];
        assert.match(
          JSON.stringify(secret),
          new RegExp(Buffer.from("CANARY-pw-hunter2-9931").toString("base64")),
        );
      });

      test("scale, rollout and wait see the deployment move", async () => {
        assert.match((await run(["scale", "deployment", "web", "--replicas=4"])).stdout, /scaled/);
        assert.match(
          (await run(["rollout", "status", "deployment/web", "--timeout=20s"])).stdout,
          /successfully rolled out/,
        );
        assert.match((await run(["rollout", "restart", "deployment/web"])).stdout, /restarted/);
        await run(["rollout", "status", "deployment/web", "--timeout=20s"]);
        await run(["rollout", "history", "deployment/web"]);
        await run(["rollout", "pause", "deployment/web"]);
        await run(["rollout", "resume", "deployment/web"]);
        assert.match(
          (await run(["wait", "--for=condition=Ready", "pod/web", "--timeout=10s"])).stdout,
          /condition met/,
        );
        assert.match(
          (await run(["wait", "--for=condition=Available", "deployment/web", "--timeout=10s"])).stdout,
          /met/,
        );
        await run(["set", "image", "deployment/web", `c=app:${kubectl.version}`]);
      });

      test("a watch prints what changes meanwhile, and ends with the client", async () => {
        const watching = ana.kubectl(kubectl, ["-n", "prod-app", "get", "configmaps", "--watch"]);
        try {
          await watching.until(/settings/);
          const name = `watched-${kubectl.version.replace(".", "-")}`;
          const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name } };
          await k.cluster.admin.call("POST", "/api/v1/namespaces/prod-app/configmaps", { body: object });
          await watching.until(new RegExp(name));
        } finally {
          await watching.end();
        }
      });

      test("logs come masked, and followed ones as they are written", async () => {
        k.cluster.kubelet.log("prod-app/web", "mail to canary.eve@leak.example\n");
        assert.match((await run(["logs", "web", "--tail=5"])).stdout, /mail to /);
        const following = ana.kubectl(kubectl, ["-n", "prod-app", "logs", "-f", "web", "--tail=1"]);
        try {
          await following.until(/mail to /);
          const mark = `line for ${kubectl.version} 4111111111111111`;
          k.cluster.kubelet.log("prod-app/web", `${mark.slice(0, -8)}`);
          k.cluster.kubelet.log("prod-app/web", `${mark.slice(-8)}\n`);
          await following.until(new RegExp(`line for ${kubectl.version} `));
          assert.doesNotMatch(following.output(), /canary\.eve|4111111111111111/);
        } finally {
          await following.end();
        }
      });

      test("auth can-i asks the cluster, and whoami says what a 1.20 server lacks", async () => {
        assert.match((await run(["auth", "can-i", "get", "pods"])).stdout, /yes/);
        await run(["auth", "can-i", "--list"]);
        const { stderr } = await run(["auth", "whoami"], { code: 1 });
        assert.match(stderr, /selfsubjectreviews/i);
      });
    });
});
