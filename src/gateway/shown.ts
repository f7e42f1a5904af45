import type { AccessRequest, withoutSecrets } from "../core/access/request.ts";
import { operationMasker } from "../core/session/masked-operation.ts";
import type { InForce } from "./in-force.ts";

type Shown = Parameters<typeof withoutSecrets>[1];

const gone = "(removed with its target)";

/** What people write about a target (reasons, incidents) may hold what its masks hide; without its rules nothing is kept. */
export function maskedOf(current: () => InForce) {
  return (target: string, text: string): string => current().targets.get(target)?.masks.text(text) ?? gone;
}

/** How a held operation is kept once decided: masked by its target's rules, or not at all when the target is no more. */
export function shownOf(current: () => InForce) {
  return ({ operation, target }: AccessRequest): Shown => {
    const masks = current().targets.get(target)?.masks;
    if (!operation) return { text: "", parameters: [] };
    if (!masks) return { text: gone, parameters: operation.parameters.map(() => gone) };
    return operationMasker(masks)(operation);
  };
}
