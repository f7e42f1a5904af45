import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { z } from "zod";
import { type ApiServer, startApiServer } from "../../../protocols/kubernetes/api-server.ts";
import type { AuditEvent } from "../../../support/kubernetes/audit.ts";
import { clusterCanariesIn } from "../../../support/kubernetes/canaries.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../../support/kubernetes/world.ts";
import { p1KubernetesPolicy, p1People } from "../../../support/p1/p1.ts";

/** P1's people in front of the real API server, and in front of one of the test's own that notes what reaches it. */
export interface CaseScene {
  readonly k: KubernetesWorld;
  readonly spy: ApiServer;
  /** Alice's sessions: reads on the cluster, everything on the cluster, reads on the spy. */
  readonly viewer: KubernetesConnection;
  readonly debugging: KubernetesConnection;
  readonly spied: KubernetesConnection;
  /** Runs `attack` and tells what of alice's reached the cluster meanwhile, the gateway's own discovery aside. */
  reached(attack: () => Promise<void>): Promise<readonly AuditEvent[]>;
  /** What etcd holds, asked past the gateway: path and uid of each object that an attack could make, change or remove. */
  held(): Promise<readonly string[]>;
  /** Every file that gateway and journals have written, unpacked. */
  written(): string;
  stop(): Promise<void>;
}

export const prod = "/api/v1/namespaces/prod-app";

export async function startCaseScene(): Promise<CaseScene> {
  const spy = await startApiServer();
  const token = join(spy.folder, "token");
  writeFileSync(token, "credential-of-the-gateway", { mode: 0o600 });
  const k = await startKubernetesWorld({
    policy: p1KubernetesPolicy().text,
    people: Object.entries(p1People).map(([id, groups]) => ({
      id,
      email: `${id}@acme.io`,
      title: id,
      groups,
    })),
    targets: {
      "spy-k8s": {
        kubernetes: { ...spy.settings, credential: { token: `file:${token}` } },
        labels: { env: "prod" },
      },
    },
  });
  await k.world.logIn("alice", "bob", "carol");
  const reading = { approver: "bob", args: ["--effect", "read"] };
  const viewer = await k.connect("alice", reading);
  const spied = await k.connect("alice", { ...reading, target: "spy-k8s" });
  const all = ["read", "write", "destroy", "admin", "unknown"];
  const debugging = await k.connect("alice", { approver: "bob", args: ["--effect", ...all] });
  let marker = 0;
  return {
    k,
    spy,
    viewer,
    debugging,
    spied,
    reached: async (attack) => {
      const since = Date.now();
      await attack();
      // A request that is allowed: it shows that the session is still of use, and that the log has caught up.
      marker += 1;
      const control = `${prod}/pods?labelSelector=control%3D${marker}`;
      const answer = await viewer.api.call("GET", control);
      assert.equal(answer.status, 200, "the session is still of use");
      await k.cluster.auditUntil(({ requestURI }) => requestURI.includes(`control%3D${marker}`));
      return k.cluster
        .audit()
        .filter(
          ({ requestReceivedTimestamp, impersonatedUser, requestURI }) =>
            Date.parse(requestReceivedTimestamp) >= since &&
            impersonatedUser !== undefined &&
            !requestURI.includes("control%3D") &&
            !isDiscovery(requestURI),
        );
    },
    held: () => heldBy(k),
    written: () => contentOf(k.world.folder),
    stop: async () => {
      await k.stop();
      await spy.stop();
    },
  };
}

const collections: readonly string[] = [
  ...["pods", "secrets", "configmaps", "serviceaccounts", "namespaces"].map((name) => `/api/v1/${name}`),
  ...["roles", "rolebindings", "clusterrolebindings"].map(
    (name) => `/apis/rbac.authorization.k8s.io/v1/${name}`,
  ),
  "/apis/apps/v1/deployments",
  "/apis/batch/v1beta1/cronjobs",
  "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
];
const list = z.object({
  items: z.array(z.object({ metadata: z.object({ name: z.string(), uid: z.string() }) })),
});

async function heldBy({ cluster }: KubernetesWorld): Promise<readonly string[]> {
  const lists = await Promise.all(
    collections.map(async (path) => {
      const { items } = list.parse((await cluster.admin.call("GET", path)).json());
      return items.map(({ metadata: { name, uid } }) => `${path}/${name} ${uid}`);
    }),
  );
  return lists.flat().sort();
}

function isDiscovery(uri: string): boolean {
  return /^\/(?:api|apis|openapi|version)(?:\/[a-z0-9.-]+){0,2}\/?(?:\?timeout=\w+)?$/.test(uri);
}

function contentOf(folder: string): string {
  const texts: string[] = [];
  for (const file of readdirSync(join(folder, "gateway"), { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const bytes = readFileSync(join(file.parentPath, file.name));
    texts.push((file.name.endsWith(".chunk") ? zstdDecompressSync(bytes) : bytes).toString("latin1"));
  }
  return texts.join("\n");
}

/** Nothing sensitive of the seed in it, in no form. */
export function clean(text: string, what: string): void {
  assert.deepEqual(clusterCanariesIn(text), [], what);
}
