import { postgres } from "./postgres/index.ts";

/** Every protocol ihc speaks, by the name that a target uses in ihc.yaml. */
export const protocols = { postgres } as const;

export type ProtocolName = keyof typeof protocols;

export function isProtocolName(name: string): name is ProtocolName {
  return Object.hasOwn(protocols, name);
}
