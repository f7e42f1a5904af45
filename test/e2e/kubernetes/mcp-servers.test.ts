import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { effects } from "../../../src/core/session/operation.ts";
import { clusterCanariesIn } from "../../support/kubernetes/canaries.ts";
import { withoutKubectl } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";

/** As everybody may within the world of these tests, but namespace `other` and whatever deletes are for nobody. */
const policy = `
@id("oncall") @grant("sre-leads") permit (principal in Group::"oncall", action, resource);
@id("not-other") @reason("that namespace is another team's")
forbid (principal, action, resource) when { context.namespace == "other" };
@id("no-delete") @reason("nothing is deleted here")
forbid (principal, action, resource) when { context.verb == "delete" };
`;

describe("MCP servers from npm through the gateway", { skip: withoutKubectl() }, () => {
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  before(async () => {
    k = await startKubernetesWorld({ policy });
    await k.world.logIn("ana", "lee");
    ana = await k.connect("ana", { approver: "lee", args: ["--effect", ...effects] });
    k.cluster.kubelet.log("prod-app/web", "mail to canary.eve@leak.example\n");
  });
  after(() => k.stop());

  test("kubernetes-mcp-server lists, reads, changes and execs, masked", { timeout: 110_000 }, async () => {
    const server = [bin("kubernetes-mcp-server", "bin/index.js"), "--kubeconfig", ana.kubeconfig];
    await withServer(server, async (call) => {
      const inApp = { namespace: "prod-app" };
      assert.match(await call("pods_list_in_namespace", inApp), /web[\s\S]*worker/);
      assert.match(await call("pods_get", { ...inApp, name: "web" }), /DB_PASSWORD/);
      assert.match(await call("pods_log", { ...inApp, name: "web" }), /mail to /);
      assert.match(await call("events_list", inApp), /LoginFailed/);
      const secret = { ...inApp, apiVersion: "v1", kind: "Secret", name: "db-creds" };
      assert.match(await call("resources_get", secret), /db-creds/);
      assert.match(
        await call("resources_list", { ...inApp, apiVersion: "apps/v1", kind: "Deployment" }),
        /web/,
      );
      const resource = JSON.stringify({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: "by-agent", ...inApp },
        data: { made: "yes" },
      });
      assert.match(await call("resources_create_or_update", { resource }), /by-agent/);
      const made = await k.cluster.admin.call("GET", "/api/v1/namespaces/prod-app/configmaps/by-agent");
      assert.match(made.text, /"made":"yes"/);
      assert.match(
        await call("pods_exec", { ...inApp, name: "web", command: ["echo", "ran", "this"] }),
        /ran this/,
      );
      assert.match(await call("pods_list_in_namespace", { namespace: "other" }), /not-other|another team/);
      const gone = await call("resources_delete", {
        ...inApp,
        apiVersion: "v1",
        kind: "ConfigMap",
        name: "by-agent",
      });
      assert.match(gone, /no-delete|nothing is deleted/);
    });
  });

  test("mcp-server-kubernetes does the same by kubectl", { timeout: 110_000 }, async () => {
    await withServer([bin("mcp-server-kubernetes", "dist/index.js")], async (call) => {
      const inApp = { namespace: "prod-app" };
      assert.match(await call("kubectl_get", { ...inApp, resourceType: "pods" }), /web[\s\S]*worker/);
      assert.match(
        await call("kubectl_get", { ...inApp, resourceType: "secret", name: "db-creds", output: "yaml" }),
        /db-creds/,
      );
      assert.match(await call("kubectl_describe", { ...inApp, resourceType: "pod", name: "web" }), /Running/);
      assert.match(await call("kubectl_logs", { ...inApp, resourceType: "pod", name: "web" }), /mail to /);
      assert.match(await call("kubectl_scale", { ...inApp, name: "web", replicas: 5 }), /scaled|5/);
      const seen = await k.cluster.admin.call("GET", "/apis/apps/v1/namespaces/prod-app/deployments/web");
      assert.match(seen.text, /"replicas":5/);
      assert.match(
        await call("exec_in_pod", { ...inApp, name: "web", command: ["echo", "ran", "that"] }),
        /ran that/,
      );
      assert.match(
        await call("kubectl_get", { namespace: "other", resourceType: "pods" }),
        /not-other|another team/,
      );
      assert.match(
        await call("kubectl_delete", { ...inApp, resourceType: "pod", name: "web" }),
        /no-delete|nothing is deleted/,
      );
    });
  });

  type Call = (name: string, args: Record<string, unknown>) => Promise<string>;

  async function withServer(command: string[], work: (call: Call) => Promise<void>): Promise<void> {
    const transport = new StdioClientTransport({
      command: process.execPath,
      args: command,
      env: { ...ana.environment },
      stderr: "ignore",
    });
    const client = new Client({ name: "test", version: "0.0.0" });
    await client.connect(transport, { timeout: 30_000 });
    try {
      await work(async (name, args) => {
        const said = await answer(client, name, args);
        assert.deepEqual(clusterCanariesIn(said), [], `${name} ${JSON.stringify(args)}: ${said}`);
        return said;
      });
    } finally {
      await client.close();
    }
  }
});

/** What the model would read, an error's text included. */
async function answer(client: Client, name: string, args: Record<string, unknown>): Promise<string> {
  try {
    return JSON.stringify(await client.callTool({ name, arguments: args }, { timeout: 30_000 }));
  } catch (error) {
    return String(error);
  }
}

function bin(name: string, file: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), file);
}
