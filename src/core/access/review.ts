import type { PersonId } from "./principal.ts";

/** One answer by one person. `groups` are the person's groups when they answered, which is what slots are filled from. */
export interface Review {
  readonly person: PersonId;
  readonly name: string;
  readonly groups: readonly string[];
  readonly answer: "approve" | "deny";
  readonly at: Date;
  /** Milliseconds; a reviewer may shorten the grant, never extend it. */
  readonly duration?: number;
  readonly comment?: string;
}
