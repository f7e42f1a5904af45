import { IhcError } from "../../base/errors.ts";
import type { PersonId } from "./principal.ts";

/** One role that must review, and how many different people of it: `sre-leads:2`. */
export interface Slot {
  readonly group: string;
  readonly people: number;
}

/** Who answered yes, with the groups they were in when they did. */
interface Yes {
  readonly person: PersonId;
  readonly groups: readonly string[];
}

const most = 10;

/**
 * Reads `sre-leads`, `sre-leads:2` and `sre-leads:2, security`. Throws IhcError `invalid` on anything else, on a group named
 * twice and on more than ten people of one.
 */
export function parseSlots(text: string): readonly Slot[] {
  const slots = text.split(",").map(parseSlot);
  const twice = slots.find(({ group }, i) => slots.findIndex((slot) => slot.group === group) !== i);
  if (twice) throw invalid(`group ${twice.group} is named twice`);
  return slots;
}

/** `1 of sre-leads and 2 of security` */
export function formatSlots(slots: readonly Slot[]): string {
  return slots.map(({ group, people }) => `${people} of ${group}`).join(" and ");
}

/**
 * How many seats different people can fill at best: a person takes one seat, of a group they were in. Answers of the same
 * person count once.
 */
export function seatsFilled(slots: readonly Slot[], approvals: readonly Yes[]): number {
  const seats = slots.flatMap(({ group, people }) => Array.from({ length: people }, () => group));
  const sitting: (Yes | undefined)[] = seats.map(() => undefined);
  const place = (yes: Yes, seen: Set<number>): boolean => {
    for (const [seat, group] of seats.entries()) {
      if (seen.has(seat) || !yes.groups.includes(group)) continue;
      seen.add(seat);
      const other = sitting[seat];
      if (other && !place(other, seen)) continue;
      sitting[seat] = yes;
      return true;
    }
    return false;
  };
  const people = new Map(approvals.map((yes) => [yes.person, yes]));
  return [...people.values()].filter((yes) => place(yes, new Set())).length;
}

/** How many people must approve in all. */
export function seats(slots: readonly Slot[]): number {
  return slots.reduce((sum, { people }) => sum + people, 0);
}

/** Whether the people who filled `have` would also fill `need`. */
export function slotsCover(have: readonly Slot[], need: readonly Slot[]): boolean {
  return need.every(({ group, people }) =>
    have.some((slot) => slot.group === group && slot.people >= people),
  );
}

/** The least demand that covers each of those given. */
export function mergeSlots(all: readonly (readonly Slot[])[]): readonly Slot[] {
  const people = new Map<string, number>();
  for (const slot of all.flat()) people.set(slot.group, Math.max(people.get(slot.group) ?? 0, slot.people));
  return [...people].map(([group, n]) => ({ group, people: n }));
}

function parseSlot(text: string): Slot {
  const [, group = "", count = "1"] =
    /^\s*([^\s,:](?:[^,:]*[^\s,:])?)\s*(?::\s*(\d{1,4}))?\s*$/.exec(text) ?? [];
  const people = Number(count);
  if (group === "") throw invalid(`not a group and a number: "${text.trim()}"`);
  if (people < 1 || people > most) throw invalid(`${people} people of ${group}: it must be 1 to ${most}`);
  return { group, people };
}

function invalid(message: string): IhcError {
  return new IhcError("invalid", message, { hint: 'write it like "sre-leads" or "sre-leads:2, security"' });
}
