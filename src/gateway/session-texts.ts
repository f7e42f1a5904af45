import type { Grant } from "../core/access/grant.ts";
import type { SessionRecord } from "../core/access/session-record.ts";
import { clippedText } from "../core/audit/leaf.ts";
import type { Records } from "./records.ts";

type Texts = Pick<Records, "masked">;

/** The first event of a session's journal. */
export function opening({ masked }: Texts, record: SessionRecord, grant: Grant | undefined) {
  return {
    type: "session",
    session: record.id,
    person: record.principal.name,
    target: record.target,
    protocol: record.protocol,
    reason: masked(record.target, record.reason),
    ...(record.incident === undefined ? {} : { incident: masked(record.target, record.incident) }),
    ...(record.principal.via ? { via: record.principal.via.name } : {}),
    ...(grant ? { grant: grant.id } : {}),
    approvedBy: grant?.approvedBy ?? [],
    breakGlass: record.breakGlass,
    policyVersion: record.policyVersion,
  } as const;
}

/** What an audit entry says of a session. */
export function detailOf({ masked }: Texts, record: SessionRecord) {
  return {
    session: record.id,
    person: record.principal.person,
    target: record.target,
    protocol: record.protocol,
    reason: clippedText(masked(record.target, record.reason)),
    policy: record.policyVersion,
    expiresAt: record.expiresAt.toISOString(),
    ...(record.grant === undefined ? {} : { grant: record.grant }),
    ...(record.breakGlass ? { breakGlass: true } : {}),
  };
}
