import { IhcError } from "../../base/errors.ts";
import { traitsOfBody } from "./body-traits.ts";
import type { KubernetesOperation } from "./operation.ts";
import type { Cluster } from "./upstream.ts";

/**
 * A patch that gives a workload another image or command hands the new program every secret that the workload mounts, though
 * the patch names none. So what it changes is looked at, too: the operation has `uses-secret` when the object uses one, or
 * when it cannot be read.
 */
export async function withCurrentSecrets(
  operation: KubernetesOperation,
  cluster: Pick<Cluster, "current">,
): Promise<KubernetesOperation> {
  const { info, traits, refusal } = operation;
  const whole = info.verb !== "patch" || !traits.includes("pod-template") || traits.includes("uses-secret");
  if (whole || refusal !== undefined) return operation;
  try {
    const used = traitsOfBody(info, await cluster.current(info));
    if (!used.traits.includes("uses-secret")) return operation;
    const secrets = used.secrets.map((name) => `${info.namespace}/secrets/${name}`);
    return {
      ...operation,
      traits: [...traits, "uses-secret"],
      resources: [...operation.resources, ...secrets],
    };
  } catch (error) {
    if (!(error instanceof IhcError || error instanceof SyntaxError)) throw error;
    return { ...operation, traits: [...traits, "uses-secret"] };
  }
}
