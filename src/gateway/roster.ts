import type { PersonId } from "../core/access/principal.ts";
import type { AccessRequest } from "../core/access/request.ts";
import type { Verified } from "./identity/verify.ts";

/** What people's newest tokens say about their groups, as far as this gateway has seen them. */
export interface Roster {
  seen(verified: Verified): void;
  /** The name of somebody who approved and has lost the group they approved for since; undefined when nobody has. */
  left(request: AccessRequest): string | undefined;
}

const most = 10_000;

/** Bounded: who was seen longest ago is forgotten first, and is then judged by the groups of their review. */
export function openRoster(): Roster {
  const people = new Map<PersonId, { readonly groups: readonly string[]; readonly issuedAt: Date }>();
  return {
    seen({ principal, tokenIssuedAt }) {
      const { person, groups } = principal;
      const known = people.get(person);
      if (known && known.issuedAt >= tokenIssuedAt) return;
      people.delete(person);
      people.set(person, { groups, issuedAt: tokenIssuedAt });
      const oldest = people.size > most ? people.keys().next().value : undefined;
      if (oldest !== undefined) people.delete(oldest);
    },
    left({ reviews, slots }) {
      const wanted = slots.map(({ group }) => group);
      return reviews.find(({ answer, person, groups }) => {
        const now = people.get(person)?.groups;
        const held = groups.filter((group) => wanted.includes(group));
        return answer === "approve" && now !== undefined && !held.every((group) => now.includes(group));
      })?.name;
    },
  };
}
