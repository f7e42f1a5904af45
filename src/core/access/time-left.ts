import type { Grant } from "./grant.ts";

/** The stretch over which granted time is added up, milliseconds. */
export const day = 86_400_000;

/**
 * How much of `most` a person has left on a target: `grants` are theirs on it. Time that several grants cover counts once,
 * time after an early end not at all. So a grant cannot be stretched without end by asking for it again and again.
 */
export function timeLeft(grants: readonly Grant[], most: number, now: Date): number {
  const spans = grants
    .map(({ startsAt, expiresAt, endedAt }) => ({
      from: Math.max(startsAt.getTime(), now.getTime() - day),
      to: Math.min((endedAt ?? expiresAt).getTime(), now.getTime()),
    }))
    .toSorted((a, b) => a.from - b.from);
  let used = 0;
  let covered = Number.NEGATIVE_INFINITY;
  for (const { from, to } of spans) {
    used += Math.max(0, to - Math.max(from, covered));
    covered = Math.max(covered, to);
  }
  return Math.max(0, most - used);
}
