import { kubernetes } from "./kubernetes/index.ts";
import { postgres } from "./postgres/index.ts";

/** Every protocol ihc speaks, by the name that a target uses in ihc.yaml. */
export const protocols = { postgres, kubernetes } as const;
