/** Somebody who can log in at the demo's identity provider. */
export interface Person {
  readonly id: string;
  readonly email: string;
  readonly title: string;
  readonly groups: readonly string[];
}

/** The cast of the story. */
export const people: readonly Person[] = [
  { id: "ana", email: "ana@acme.io", title: "responder", groups: ["oncall", "sre"] },
  { id: "lee", email: "lee@acme.io", title: "reviewer", groups: ["sre-leads"] },
  {
    id: "sam",
    email: "sam@acme.io",
    title: "security, auditor",
    groups: ["security", "auditors", "platform-admins"],
  },
];
