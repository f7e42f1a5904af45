import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { PassThrough, type Readable, Writable } from "node:stream";
import { after, before, describe, test } from "node:test";
import {
  AppsV1Api,
  AuthorizationV1Api,
  CoreV1Api,
  Exec,
  KubeConfig,
  Log,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  Watch,
} from "@kubernetes/client-node";
import { effects } from "../../../src/core/session/operation.ts";
import { clusterCanariesIn } from "../../support/kubernetes/canaries.ts";
import { withoutCluster } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";

describe("@kubernetes/client-node through the gateway", { skip: withoutCluster() }, () => {
  const namespace = "prod-app";
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  let config: KubeConfig;
  before(async () => {
    k = await startKubernetesWorld();
    await k.world.logIn("ana", "lee");
    ana = await k.connect("ana", { approver: "lee", args: ["--effect", ...effects] });
    config = new KubeConfig();
    config.loadFromFile(ana.kubeconfig);
  });
  after(() => k.stop());

  test("reads typed objects, masked", async () => {
    const core = config.makeApiClient(CoreV1Api);
    const pods = await core.listNamespacedPod({ namespace });
    assert.deepEqual(
      pods.items.map(({ metadata }) => metadata?.name),
      ["web", "worker"],
    );
    const secret = await core.readNamespacedSecret({ namespace, name: "db-creds" });
    assert.deepEqual(Object.keys(secret.data ?? {}).sort(), ["password", "token"]);
    const settings = await core.readNamespacedConfigMap({ namespace, name: "settings" });
    assert.equal(settings.data?.["LOG_LEVEL"], "info");
    assert.deepEqual(clusterCanariesIn(JSON.stringify([pods, secret, settings])), []);
  });

  test("creates, patches, scales and deletes", async () => {
    const core = config.makeApiClient(CoreV1Api);
    const body = { metadata: { name: "by-node" }, data: { one: "1" } };
    await core.createNamespacedConfigMap({ namespace, body });
    const merge = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    const patch = { namespace, name: "by-node", body: { data: { two: "2" } } };
    const patched = await core.patchNamespacedConfigMap(patch, merge);
    assert.deepEqual(patched.data, { one: "1", two: "2" });
    await core.deleteNamespacedConfigMap({ namespace, name: "by-node" });
    await assert.rejects(core.readNamespacedConfigMap({ namespace, name: "by-node" }), /404|not found/i);
    const apps = config.makeApiClient(AppsV1Api);
    const scaled = await apps.patchNamespacedDeploymentScale(
      { namespace, name: "web", body: { spec: { replicas: 6 } } },
      merge,
    );
    assert.equal(scaled.spec?.replicas, 6);
  });

  test("asks what it may do", async () => {
    const review = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
      body: { spec: { resourceAttributes: { namespace, verb: "get", resource: "pods" } } },
    });
    assert.equal(review.status?.allowed, true);
  });

  test("watches, and follows logs", async () => {
    const seen: string[] = [];
    const arrived = new PassThrough({ objectMode: true });
    const watch = await new Watch(config).watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      {},
      (phase: string, object: { metadata?: { name?: string } }) => {
        seen.push(JSON.stringify(object));
        arrived.write(`${phase} ${object.metadata?.name}`);
      },
      () => arrived.end(),
    );
    const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "watched-by-node" } };
    await k.cluster.admin.call("POST", `/api/v1/namespaces/${namespace}/configmaps`, { body: object });
    await untilText(arrived, /ADDED watched-by-node/);
    watch.abort();
    assert.deepEqual(clusterCanariesIn(seen.join("")), []);

    k.cluster.kubelet.log("prod-app/web", "card 4111111111111111 of canary.eve@leak.example\n");
    const lines = new PassThrough();
    // The library leaves the error of its own abort to nobody.
    lines.on("pipe", (source: Readable) => source.on("error", () => lines.end()));
    const following = await new Log(config).log(namespace, "web", "c", lines, { follow: true, tailLines: 1 });
    assert.deepEqual(clusterCanariesIn(await untilText(lines, /card .*\n/)), []);
    following.abort();
  });

  test("execs and forwards a port", async () => {
    const out = new PassThrough();
    const status = new Promise<string | undefined>((resolve, reject) => {
      const command = ["sh", "-c", "echo from node; exit 5"];
      new Exec(config)
        .exec(namespace, "web", "c", command, out, sink(), null, false, ({ details }) =>
          resolve(details?.causes?.[0]?.message),
        )
        .catch(reject);
    });
    assert.match(await untilText(out, /from node\n/), /from node/);
    assert.equal(await status, "5");

    const web = createServer((_request, response) => response.end("through the port"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const { port } = web.address() as AddressInfo;
    const [input, output] = [new PassThrough(), new PassThrough()];
    const forwarded = await new PortForward(config).portForward(
      namespace,
      "web",
      [port],
      output,
      sink(),
      input,
    );
    input.write("GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n");
    assert.match(await untilText(output, /through the port/), /200 OK/);
    const socket = typeof forwarded === "function" ? forwarded() : forwarded;
    socket?.close();
    web.close();
  });
});

function sink(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

/** What the stream has said once it has said `pattern`; throws after ten seconds. */
function untilText(stream: PassThrough, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const timer = setTimeout(() => reject(new Error(`no ${pattern} in: ${text}`)), 10_000);
    stream.on("data", (piece: unknown) => {
      text += String(piece);
      if (!pattern.test(text)) return;
      clearTimeout(timer);
      resolve(text);
    });
  });
}
