import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { GrantId, RequestId } from "../base/ids.ts";
import type { Json } from "../base/json.ts";
import type { Grant } from "../core/access/grant.ts";
import type { Principal } from "../core/access/principal.ts";
import { type AccessRequest, withoutSecrets } from "../core/access/request.ts";
import type { AuditEntry } from "../core/audit/entry.ts";
import { clippedText } from "../core/audit/leaf.ts";
import type { Store, Tables } from "../storage/store.ts";
import type { Notify } from "./notify.ts";
import type { Roster } from "./roster.ts";

/** Where changes are made: the store, the time, and those who wait for a change. */
export interface Records {
  readonly store: Store;
  readonly clock: Clock;
  readonly notify: Notify;
  readonly roster: Roster;
  /** An operation's texts as they may be kept once no reviewer needs the exact ones. */
  shown(request: AccessRequest): Parameters<typeof withoutSecrets>[1];
  /** What a person wrote about a target, as journals and audit log may hold it. */
  masked(target: string, text: string): string;
}

/**
 * Changes a request in one transaction with its audit entry. `version` is what the caller saw: if somebody was faster,
 * IhcError `conflict` says who. `step` throws when the change is not allowed.
 */
export async function changeRequest(
  records: Records,
  id: RequestId,
  version: number | undefined,
  step: (current: AccessRequest, now: Date, tables: Tables) => Changed | Promise<Changed>,
): Promise<AccessRequest> {
  const changed = await records.store.atomically(async (tables) => {
    const current = await tables.requests.get(id);
    if (!current) throw new IhcError("not-found", `no request ${id}`);
    if (version !== undefined && current.version !== version) throw conflict(current);
    const { request, grant, entries } = await step(current, records.clock.now(), tables);
    const next = settled(records, request);
    if (!(await tables.requests.replace(next))) throw conflict(current);
    if (grant) await tables.grants.insert(grant);
    await enqueueAll(tables, entries);
    return next;
  });
  records.notify.changed(id);
  return changed;
}

export interface Changed {
  readonly request: AccessRequest;
  readonly grant?: Grant;
  readonly entries: readonly AuditEntry[];
}

/** As changeRequest, for grants. */
export async function changeGrant(
  records: Records,
  id: GrantId,
  version: number | undefined,
  step: (current: Grant, now: Date) => { readonly grant: Grant; readonly entry: AuditEntry },
): Promise<Grant> {
  const changed = await records.store.atomically(async (tables) => {
    const current = await tables.grants.get(id);
    if (!current) throw new IhcError("not-found", `no grant ${id}`);
    if (version !== undefined && current.version !== version) throw grantConflict(current);
    const { grant, entry } = step(current, records.clock.now());
    if (!(await tables.grants.replace(grant))) throw grantConflict(current);
    await tables.enqueue(entry);
    return grant;
  });
  records.notify.changed(id);
  return changed;
}

/** An audit entry about a request. Operations appear by digest only: their text is in the journal, masked. */
export function requestEntry(
  { masked }: Pick<Records, "masked">,
  kind: string,
  request: AccessRequest,
  actor: string,
  at: Date,
  more: { readonly [key: string]: Json } = {},
): AuditEntry {
  return {
    kind,
    at,
    actor,
    detail: {
      request: request.id,
      requester: request.requester.person,
      target: request.target,
      effects: request.effects,
      reason: clippedText(masked(request.target, request.reason)),
      rule: request.rule,
      policy: request.policyVersion,
      ...(request.incident === undefined
        ? {}
        : { incident: clippedText(masked(request.target, request.incident)) }),
      ...(request.breakGlass ? { breakGlass: true } : {}),
      ...(request.operation
        ? { operation: request.operation.digest, session: request.operation.session }
        : { duration: request.duration }),
      ...more,
    },
  };
}

/** An audit entry about a grant. */
export function grantEntry(kind: string, grant: Grant, actor: string, at: Date): AuditEntry {
  return {
    kind,
    at,
    actor,
    detail: {
      grant: grant.id,
      request: grant.request,
      person: grant.principal.person,
      target: grant.target,
      effects: grant.effects,
      expiresAt: grant.expiresAt.toISOString(),
      approvedBy: grant.approvedBy,
      ...(grant.breakGlass ? { breakGlass: true } : {}),
    },
  };
}

/** A principal's name as the audit log shows it, with the MCP client that acted for them. */
export function actorName({ name, via }: Principal): string {
  return via ? `${name} via ${via.name}` : name;
}

/** The exact statement is kept only while a reviewer may need to read it. */
function settled(records: Records, request: AccessRequest): AccessRequest {
  if (request.kind !== "operation" || request.state === "pending") return request;
  return withoutSecrets(request, records.shown(request));
}

function conflict(current: AccessRequest): IhcError {
  const last = current.reviews.at(-1);
  const who = last ? `${last.name} answered ${last.answer}` : "it was changed";
  const what = current.state === "pending" ? `${who} meanwhile` : `it is ${current.state} by now: ${who}`;
  return new IhcError("conflict", `${current.id} is not as you saw it: ${what}`, {
    rule: "request-changed",
    hint: `look at it again: ihc requests ${current.id}`,
  });
}

function grantConflict(current: Grant): IhcError {
  const who = current.endedBy === undefined ? "" : ` by ${current.endedBy}`;
  return new IhcError("conflict", `grant ${current.id} is ${current.state}${who} by now`, {
    rule: "grant-changed",
    hint: "look at it again: ihc grants",
  });
}

async function enqueueAll(tables: Tables, entries: readonly AuditEntry[]): Promise<void> {
  for (const entry of entries) await tables.enqueue(entry);
}
