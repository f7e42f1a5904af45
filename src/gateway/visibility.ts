import type { Grant } from "../core/access/grant.ts";
import type { Principal } from "../core/access/principal.ts";
import type { AccessRequest } from "../core/access/request.ts";
import type { SessionRecord } from "../core/access/session-record.ts";
import type { Slot } from "../core/access/slot.ts";
import type { Oversight } from "./in-force.ts";

/**
 * The one ownership filter: every get and list asks here, and what is not visible does not exist. A request is seen by its
 * requester, the reviewers of its slots, auditors and admins; a session and its recording by its owner, auditors and admins.
 */
export interface Visibility {
  request(request: AccessRequest): boolean;
  grant(grant: Grant): boolean;
  session(session: SessionRecord): boolean;
  /** Reading the audit log and others' recordings. */
  readonly auditor: boolean;
  /** Ending what others do. */
  readonly admin: boolean;
}

export function visibilityOf(principal: Principal, oversight: Oversight): Visibility {
  const among = (groups: readonly string[]): boolean =>
    groups.some((group) => principal.groups.includes(group));
  // An MCP client may read out what its person is asked to review; oversight is for people.
  const person = principal.via === undefined && principal.machine === undefined;
  const reviews = (slots: readonly Slot[]): boolean => among(slots.map(({ group }) => group));
  const admin = person && among(oversight.admins);
  const auditor = admin || (person && among(oversight.auditors));
  return {
    request: ({ requester, slots }) => auditor || requester.person === principal.person || reviews(slots),
    grant: ({ principal: owner, slots }) => auditor || owner.person === principal.person || reviews(slots),
    session: ({ principal: owner }) => auditor || owner.person === principal.person,
    auditor,
    admin,
  };
}
