import type { PersonId, Principal } from "../../../src/core/access/principal.ts";
import type { Target } from "../../../src/core/access/target.ts";

/** A person of the tests; the same name is the same person. */
export function person(name: string, groups: readonly string[], more: Partial<Principal> = {}): Principal {
  return {
    person: `https://idp.test#${name}` as PersonId,
    issuer: "https://idp.test",
    subject: name,
    name: `${name}@acme.io`,
    groups,
    amr: ["pwd"],
    ...more,
  };
}

export const prodDb: Target = { name: "prod-db", protocol: "postgres", labels: { env: "prod", tier: 1 } };
export const labDb: Target = { name: "lab-db", protocol: "postgres", labels: { env: "lab", tier: 3 } };

export const noon = new Date("2026-11-23T12:00:00.000Z");

export function later(ms: number, from: Date = noon): Date {
  return new Date(from.getTime() + ms);
}
