import type { AccessRequest } from "../core/access/request.ts";
import { operationMasker } from "../core/session/masked-operation.ts";
import type { InForce } from "./in-force.ts";

const gone = "(removed with its target)";

/** How a held operation is kept once decided: masked by its target's rules, or not at all when the target is no more. */
export function shownOf(current: () => InForce) {
  return ({ operation, target }: AccessRequest): { text: string; parameters: readonly string[] } => {
    const masks = current().targets.get(target)?.masks;
    if (!operation) return { text: "", parameters: [] };
    if (!masks) return { text: gone, parameters: operation.parameters.map(() => gone) };
    return operationMasker(masks)(operation);
  };
}
