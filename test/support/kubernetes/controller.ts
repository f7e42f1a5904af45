import { setTimeout as sleep } from "node:timers/promises";
import type { ApiClient, ApiObject } from "./api.ts";

/**
 * As much of a deployment controller as `kubectl rollout status` and `wait` want: whatever a deployment asks for is there a
 * moment later. Pods of deployments are not made.
 */
export function runController(admin: ApiClient): { stop(): Promise<void> } {
  const ended = new AbortController();
  const running = (async () => {
    while (!ended.signal.aborted) {
      const list = await admin.call("GET", "/apis/apps/v1/deployments").catch(() => undefined);
      const items = list?.status === 200 ? list.json()["items"] : [];
      for (const item of Array.isArray(items) ? items : []) await settle(admin, item).catch(() => undefined);
      await sleep(250, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      ended.abort();
      await running;
    },
  };
}

interface Deployment extends ApiObject {
  readonly metadata: ApiObject & {
    readonly namespace: string;
    readonly name: string;
    readonly generation: number;
  };
  readonly spec: ApiObject & { readonly replicas: number };
  readonly status: ApiObject & { readonly observedGeneration?: number };
}

async function settle(admin: ApiClient, { metadata, spec, status }: Deployment): Promise<void> {
  const { namespace, name, generation } = metadata;
  if (status.observedGeneration === generation) return;
  const { replicas } = spec;
  const counts = {
    replicas,
    updatedReplicas: replicas,
    readyReplicas: replicas,
    availableReplicas: replicas,
  };
  const conditions = [
    { type: "Available", status: "True", reason: "MinimumReplicasAvailable" },
    { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" },
  ];
  await admin.call("PATCH", `/apis/apps/v1/namespaces/${namespace}/deployments/${name}/status`, {
    contentType: "application/merge-patch+json",
    body: { status: { observedGeneration: generation, ...counts, conditions } },
  });
}
