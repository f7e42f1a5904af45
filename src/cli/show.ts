import type { ChalkInstance } from "chalk";
import { formatDuration } from "../base/duration.ts";
import { visible } from "../base/text.ts";
import type { GrantView, RequestView, TargetView } from "../core/api/schema.ts";
import { clockTime } from "./table.ts";

/** `1 of sre-leads and 2 of security`. */
export function slotsText(slots: RequestView["slots"]): string {
  return slots.map(({ group, people }) => `${people} of ${visible(group)}`).join(" and ");
}

export function accessText(target: TargetView, style: ChalkInstance): string {
  const { access } = target;
  switch (access.kind) {
    case "allow":
      return style.green(`open (${access.effects.join(", ")})`);
    case "needs-grant":
      return `needs approval: ${slotsText(access.slots)} (${access.effects.join(", ")}, at most ${formatDuration(access.longest)})`;
    case "deny":
      return style.red(`no access: ${visible(access.reason)}`);
  }
}

/** `ana@acme.io via claude-code`. */
export function personText(requester: { readonly name: string; readonly via?: string | undefined }): string {
  return requester.via === undefined
    ? visible(requester.name)
    : `${visible(requester.name)} via ${visible(requester.via)}`;
}

export function approvedText(grant: GrantView, now: Date): string {
  const by =
    grant.approved_by.length === 0 ? "approved" : `approved by ${grant.approved_by.map(visible).join(", ")}`;
  return `${grant.break_glass ? "break-glass: " : ""}${by} until ${clockTime(grant.expires_at, now)}`;
}

/** One line of untrusted text for a listing, cut with a mark. */
export function excerpt(text: string, most: number): string {
  const safe = visible(text);
  const characters = [...safe];
  return characters.length <= most ? safe : `${characters.slice(0, most - 1).join("")}…`;
}
