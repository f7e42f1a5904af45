import { IhcError } from "../base/errors.ts";
import { newId, type SessionId } from "../base/ids.ts";
import type { Grant } from "../core/access/grant.ts";
import type { PersonId, Principal } from "../core/access/principal.ts";
import type { SessionRecord } from "../core/access/session-record.ts";
import type { SessionInput } from "../core/api/schema.ts";
import type { JournalWriter } from "../core/journal/writer.ts";
import type { Preparation, PublicSettings } from "../protocols/protocol.ts";
import { approvalsFor } from "./approvals.ts";
import type { AuditWatch } from "./audit-watch.ts";
import { grantFor } from "./entry.ts";
import { type Cause, lostGround, outOfTime, unrecordable } from "./ground.ts";
import type { Verified } from "./identity/verify.ts";
import type { ServedTarget } from "./in-force.ts";
import { type LiveParts, LiveSession } from "./live-session.ts";
import { enterEnded, enterOpened } from "./session-entries.ts";
import { loginText, newSessionSecret } from "./session-secret.ts";
import { opening } from "./session-texts.ts";

export interface LiveSessionsParts extends LiveParts {
  /** Opens a session's journal; throws IhcError `unavailable` when there is no room to record. */
  readonly openJournal: (session: SessionId) => Promise<JournalWriter>;
  readonly audit: AuditWatch;
}

export interface Opened {
  readonly record: SessionRecord;
  readonly secret: string;
  /** What the protocol's clientHelp needs. */
  readonly client: PublicSettings;
}

/** The sessions that are open in this gateway. */
export class LiveSessions {
  readonly #parts: LiveSessionsParts;
  readonly #sessions = new Map<SessionId, LiveSession>();
  readonly #ending = new Map<SessionId, Promise<void>>();
  /** Ends that the store could not take when they happened. */
  readonly #owed = new Set<() => Promise<void>>();
  /** Of whom a session is being opened. */
  readonly #opening: PersonId[] = [];
  #draining = false;

  constructor(parts: LiveSessionsParts) {
    this.#parts = parts;
  }

  get(id: SessionId): LiveSession | undefined {
    return this.#sessions.get(id);
  }

  connections(id: SessionId): number {
    return this.#sessions.get(id)?.connections ?? 0;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get totalConnections(): number {
    return [...this.#sessions.values()].reduce((sum, { connections }) => sum + connections, 0);
  }

  /** Opens a session under a grant, or without where policy needs none. The secret is returned once and not kept. */
  async open({ principal, tokenIssuedAt }: Verified, input: SessionInput): Promise<Opened> {
    if (this.#draining)
      throw new IhcError("unavailable", "the gateway is stopping", { hint: "try again soon" });
    const { limits, audit } = this.#parts;
    const unaudited = audit.problem();
    if (unaudited) throw unaudited;
    const leave = this.#take(principal, limits.sessionsPerPerson);
    try {
      return await this.#open(principal, tokenIssuedAt, input);
    } finally {
      leave();
    }
  }

  async #open(principal: Principal, tokenIssuedAt: Date, input: SessionInput): Promise<Opened> {
    const { records, current } = this.#parts;
    const inForce = current();
    const { served, grant } = await grantFor(records, inForce, principal, input);
    const now = records.clock.now();
    const { secret, login } = await newSessionSecret("ihc");
    const id = newId("ses");
    const incident = grant?.incident ?? input.incident;
    const record: SessionRecord = {
      id,
      version: 1,
      state: "open",
      principal,
      target: served.target.name,
      protocol: served.protocol.name,
      ...(grant ? { grant: grant.id } : {}),
      reason: input.reason ?? grant?.reason ?? "",
      ...(incident === undefined ? {} : { incident }),
      breakGlass: grant?.breakGlass ?? false,
      policyVersion: inForce.policy.version,
      login: loginText(login),
      openedAt: now,
      expiresAt: grant?.expiresAt ?? new Date(now.getTime() + inForce.sessionLength),
      complete: true,
    };
    const { target, protocol, settings } = served;
    const preparation = await protocol.prepare?.(
      { id, principal, target, expiresAt: record.expiresAt },
      settings,
    );
    try {
      await this.#start(record, served, grant, tokenIssuedAt, preparation);
    } catch (error) {
      preparation?.close?.();
      throw error;
    }
    return { record, secret, client: { ...served.client, ...preparation?.offered } };
  }

  /** Counts a session before it stands, so that many asked for at once are not each the first. */
  #take({ person }: Principal, most: number): () => void {
    const own = [...this.#sessions.values()].filter(({ state }) => state.record.principal.person === person);
    const count = own.length + this.#opening.filter((other) => other === person).length;
    if (count >= most)
      throw new IhcError("rate-limited", `you have ${count} sessions open`, {
        hint: "end some: ihc disconnect",
      });
    this.#opening.push(person);
    return () => this.#opening.splice(this.#opening.indexOf(person), 1);
  }

  /** Ends a session for a reason that people read: cuts, cancels, seals, and enters it in the log. Safe to call again. */
  end(id: SessionId, cause: Cause, actor = "gateway"): Promise<void> {
    const known = this.#ending.get(id);
    if (known !== undefined) return known;
    const live = this.#sessions.get(id);
    if (!live) return Promise.resolve();
    const ending = this.#end(live, cause, actor).finally(() => this.#ending.delete(id));
    this.#ending.set(id, ending);
    return ending;
  }

  /** Ends what is out of time. Cheap: meant to be called several times a second. */
  tick(): void {
    const now = this.#parts.records.clock.now();
    const unaudited = this.#parts.audit.lasting();
    for (const [id, live] of this.#sessions) {
      const cause = outOfTime(live, now) ?? (unaudited && { code: "unrecorded", reason: unaudited });
      if (cause) this.#finish(id, cause);
    }
  }

  /** As tick, and asks policy again: after every change of policy, targets or somebody's groups, and now and then. */
  sweep(): void {
    const inForce = this.#parts.current();
    const now = this.#parts.records.clock.now();
    for (const [id, live] of this.#sessions) {
      const cause = outOfTime(live, now) ?? lostGround(live, inForce, now);
      const served = inForce.targets.get(live.state.record.target);
      if (cause) this.#finish(id, cause);
      else if (served) live.state.served = served;
    }
  }

  /** A grant has changed: its sessions see it at once. */
  grantChanged(grant: Grant): void {
    for (const live of this.#sessions.values())
      if (live.state.grant?.id === grant.id) live.state.grant = grant;
    this.tick();
  }

  /** A newer token of somebody: what it no longer says, their sessions lose. */
  seen({ principal, tokenIssuedAt }: Verified): void {
    let changed = false;
    for (const { state } of this.#sessions.values()) {
      if (state.principal.person !== principal.person || tokenIssuedAt <= state.tokenIssuedAt) continue;
      state.tokenIssuedAt = tokenIssuedAt;
      if (sameGroups(state.principal, principal)) continue;
      state.principal = { ...state.principal, groups: principal.groups };
      changed = true;
    }
    if (changed) this.sweep();
  }

  /** Enters the ends that are owed to the store. Rejects while it still does not take them. */
  async settleOwed(): Promise<void> {
    for (const enter of this.#owed) {
      await enter();
      this.#owed.delete(enter);
    }
  }

  /** Ends everything, for an orderly stop. */
  async drain(reason: IhcError): Promise<void> {
    this.#draining = true;
    await Promise.all([...this.#sessions.keys()].map((id) => this.end(id, { code: "stopped", reason })));
    await Promise.all(this.#ending.values());
  }

  async #start(
    record: SessionRecord,
    served: ServedTarget,
    grant: Grant | undefined,
    tokenIssuedAt: Date,
    preparation: Preparation<unknown> | undefined,
  ): Promise<void> {
    const { records, openJournal, current } = this.#parts;
    const journal = await openJournal(record.id);
    try {
      await journal.append(opening(records, record, grant), "durable");
      await enterOpened(records, record);
    } catch (error) {
      await journal.close("the session could not be opened");
      throw error;
    }
    const { principal } = record;
    const approvals = approvalsFor(records, {
      session: record.id,
      principal,
      target: record.target,
      reason: record.reason,
      ...(record.incident === undefined ? {} : { incident: record.incident }),
      breakGlass: record.breakGlass,
      policyVersion: () => current().policy.version,
    });
    const live = new LiveSession(
      { record, journal, approvals, served, principal, grant, tokenIssuedAt, preparation },
      this.#parts,
    );
    this.#sessions.set(record.id, live);
    journal.failed.addEventListener("abort", () => this.#finish(record.id, unrecordable), { once: true });
    if (journal.failed.aborted) this.#finish(record.id, unrecordable);
    if (this.#draining)
      this.#finish(record.id, {
        code: "stopped",
        reason: new IhcError("unavailable", "the gateway is stopping"),
      });
    await this.#confirm(live);
  }

  /** What was revoked, reloaded or taken away while the session was being opened has not met it: it is asked again. */
  async #confirm(live: LiveSession): Promise<void> {
    const { records, current } = this.#parts;
    const { grant, record } = live.state;
    const newest = grant && (await records.store.grants.get(grant.id));
    if (newest && newest.version > (live.state.grant?.version ?? 0)) live.state.grant = newest;
    const now = records.clock.now();
    const cause =
      grant && !newest
        ? ({ code: "revoked", reason: new IhcError("denied", "the grant has ended") } as const)
        : (outOfTime(live, now) ?? lostGround(live, current(), now));
    if (!cause) return;
    await this.end(record.id, cause);
    throw cause.reason;
  }

  #finish(id: SessionId, cause: Cause): void {
    this.end(id, cause).catch((error: unknown) => {
      this.#parts.log.error({ err: error, session: id }, "a session did not end in order");
    });
  }

  async #end(live: LiveSession, { code, reason }: Cause, actor: string): Promise<void> {
    const { record, journal } = live.state;
    live.abort(reason);
    await live.settled();
    live.state.preparation?.close?.();
    this.#sessions.delete(record.id);
    const sealed = await closed(journal, reason.message);
    const { records, log } = this.#parts;
    const end = { at: records.clock.now(), code, reason: reason.message, actor, complete: sealed };
    const enter = (): Promise<void> => enterEnded(records, record, end);
    await enter().catch((error: unknown) => {
      log.error({ err: error, session: record.id }, "a session has ended and the store does not take it yet");
      this.#owed.add(enter);
    });
  }
}

/** Whether the recording could be finished; a failed journal is sealed as it is at the next start. */
async function closed(journal: JournalWriter, reason: string): Promise<boolean> {
  try {
    await journal.close(reason);
    return !journal.failed.aborted;
  } catch {
    return false;
  }
}

function sameGroups(a: Principal, b: Principal): boolean {
  return a.groups.length === b.groups.length && a.groups.every((group) => b.groups.includes(group));
}
