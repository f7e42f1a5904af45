import type { PersonId } from "./principal.ts";
import type { AccessRequest } from "./request.ts";

/** How often two people have approved each other. */
export interface Reciprocity {
  /** By the first of the second's requests, and the other way round. */
  readonly given: number;
  readonly returned: number;
}

/** Counts approvals since a moment among the requests of `one` and of `other`. Pure. */
export function reciprocity(
  one: { readonly person: PersonId; readonly requests: readonly AccessRequest[] },
  other: { readonly person: PersonId; readonly requests: readonly AccessRequest[] },
  since: Date,
): Reciprocity {
  return {
    given: approvals(other.requests, one.person, since),
    returned: approvals(one.requests, other.person, since),
  };
}

function approvals(requests: readonly AccessRequest[], by: PersonId, since: Date): number {
  const yes = requests.flatMap(({ reviews }) => reviews.filter(({ answer }) => answer === "approve"));
  return yes.filter(({ person, at }) => person === by && at >= since).length;
}
