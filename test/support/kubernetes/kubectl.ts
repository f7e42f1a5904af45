import assert from "node:assert/strict";
import { clusterCanariesIn } from "./canaries.ts";
import type { Kubectl } from "./tools.ts";
import type { KubernetesConnection } from "./world.ts";

export interface Kubed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface KubectlOptions {
  /** The exit code that is expected; default 0. */
  readonly code?: number;
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** kubectl in a namespace, whose output must never hold what is masked. */
export type RunKubectl = (args: readonly string[], options?: KubectlOptions) => Promise<Kubed>;

export function runner(
  connection: () => KubernetesConnection,
  kubectl: Kubectl,
  namespace = "prod-app",
): RunKubectl {
  return async (args, { code = 0, input, environment } = {}) => {
    const all = ["--namespace", namespace, ...args];
    const running = connection().kubectl(kubectl, all, { input, environment });
    const ended = await running.ended(40_000);
    const said = { code: ended, stdout: running.stdout(), stderr: running.stderr() };
    const title = `kubectl ${args.join(" ")}: ${JSON.stringify(said)}`;
    assert.deepEqual(clusterCanariesIn(running.output()), [], `leaked by ${title}`);
    assert.equal(ended, code, title);
    return said;
  };
}
