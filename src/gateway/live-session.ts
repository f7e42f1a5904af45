import { IhcError } from "../base/errors.ts";
import { type ConnectionId, newId } from "../base/ids.ts";
import type { Grant } from "../core/access/grant.ts";
import type { Principal } from "../core/access/principal.ts";
import type { SessionRecord } from "../core/access/session-record.ts";
import type { JournalWriter } from "../core/journal/writer.ts";
import type { Approvals } from "../core/session/approvals.ts";
import { openSession } from "../core/session/open.ts";
import { verdictCache } from "../core/session/verdict-cache.ts";
import type { CancelRegistry, Parser, Preparation, Upstream } from "../protocols/protocol.ts";
import type { ServerTunnelEnd } from "../tunnel/tunnel.ts";
import type { AuditWatch } from "./audit-watch.ts";
import type { InForce, ServedTarget } from "./in-force.ts";
import type { Log } from "./log.ts";
import type { Records } from "./records.ts";
import { sessionEffects } from "./session-effects.ts";
import { parseLogin } from "./session-secret.ts";

/** What every live session of this gateway uses. */
export interface LiveParts {
  readonly records: Records;
  readonly current: () => InForce;
  readonly parser: Parser;
  readonly cancels: CancelRegistry;
  readonly secret: (reference: string) => Promise<string>;
  readonly log: Log;
  readonly limits: SessionLimits;
  readonly audit: Pick<AuditWatch, "problem">;
}

export interface SessionLimits {
  readonly sessionsPerPerson: number;
  readonly connectionsPerSession: number;
}

export interface LiveState {
  readonly record: SessionRecord;
  readonly journal: JournalWriter;
  readonly approvals: Approvals;
  /** What the protocol made when the session was opened. */
  readonly preparation: Preparation<unknown> | undefined;
  served: ServedTarget;
  /** As their newest token shows them. */
  principal: Principal;
  tokenIssuedAt: Date;
  grant: Grant | undefined;
}

/** How long a protocol may take to tell its client why it ends, milliseconds. */
const farewell = 300;
/** How long ending waits for connections that were cut, milliseconds. */
const patience = 2000;

/** One session while it is open: its connections, and the one switch that ends them all. */
export class LiveSession {
  readonly state: LiveState;
  readonly #parts: LiveParts;
  readonly #abort = new AbortController();
  readonly #connections = new Map<ConnectionId, Promise<void>>();
  readonly #verdicts = verdictCache();
  readonly #openedAt: number;
  readonly #effects: ReturnType<typeof sessionEffects>;

  constructor(state: LiveState, parts: LiveParts) {
    this.state = state;
    this.#parts = parts;
    this.#openedAt = parts.records.clock.monotonic();
    this.#effects = sessionEffects(state);
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Aborts when the session must end; the reason is an IhcError. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether its time is up, by the calendar or by the time that has passed, whichever says so first: clocks jump. */
  get overdue(): boolean {
    const { clock } = this.#parts.records;
    const { openedAt, expiresAt } = this.state.record;
    const lasted = clock.monotonic() - this.#openedAt;
    return clock.now() >= expiresAt || lasted >= expiresAt.getTime() - openedAt.getTime();
  }

  /** Makes every later operation a denial and cuts all connections. */
  abort(reason: IhcError): void {
    if (!this.signal.aborted) this.#abort.abort(reason);
  }

  /** Resolves when no connection is left, or when the wait has been long enough. */
  async settled(): Promise<void> {
    const done = Promise.all(this.#connections.values());
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patience);
    await Promise.race([done, late]);
    clearTimeout(timer);
  }

  /** Serves one client connection to its end. Never rejects. */
  async serve(tunnel: ServerTunnelEnd): Promise<void> {
    if (this.#connections.size >= this.#parts.limits.connectionsPerSession) {
      tunnel.end("this session has too many connections");
      return;
    }
    const connection = newId("con");
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#connections.set(connection, promise);
    try {
      await this.#serve(tunnel, connection);
    } finally {
      this.#connections.delete(connection);
      resolve();
    }
  }

  async #serve(tunnel: ServerTunnelEnd, connection: ConnectionId): Promise<void> {
    const { journal, served } = this.state;
    const session = openSession({
      id: this.state.record.id,
      connection,
      principal: () => this.state.principal,
      target: () => this.state.served.target,
      effects: () => this.#effects(this.#parts.current(), this.#parts.records.clock.now()),
      ...(this.state.record.incident === undefined ? {} : { incident: this.state.record.incident }),
      policy: () => this.#parts.current().policy,
      grant: () => this.state.grant,
      masks: served.masks,
      journal,
      approvals: this.state.approvals,
      audit: { enqueue: (entry) => this.#parts.records.store.enqueue(entry) },
      auditable: () => this.#parts.audit.problem() === undefined,
      clock: this.#parts.records.clock,
      signal: this.signal,
      recording: served.recording,
      verdicts: this.#verdicts,
    });
    const cut = (): void => {
      const timer = setTimeout(() => tunnel.end(endReason(session.signal)), farewell);
      tunnel.stream.once("close", () => clearTimeout(timer));
    };
    session.signal.addEventListener("abort", cut, { once: true });
    tunnel.stream.on("error", () => tunnel.stream.destroy());
    journal.add({ type: "connection", connection, state: "open" });
    try {
      if (session.signal.aborted) cut();
      await served.protocol.serve(tunnel.stream, session, this.#upstream(served));
    } catch (error) {
      this.#parts.log.error({ err: error, session: session.id }, "a protocol failed");
    } finally {
      session.signal.removeEventListener("abort", cut);
      if (session.signal.aborted) tunnel.end(endReason(session.signal));
      else if (!tunnel.stream.writableFinished) tunnel.stream.destroy();
      journal.add({ type: "connection", connection, state: "closed" });
    }
  }

  #upstream(served: ServedTarget): Upstream<unknown> {
    const { parser, cancels, secret, log } = this.#parts;
    const { preparation } = this.state;
    const fields = { session: this.state.record.id, target: served.target.name };
    return {
      target: served.target,
      settings: served.settings,
      secret,
      login: parseLogin(this.state.record.login),
      ...(preparation ? { prepared: preparation.prepared } : {}),
      parser,
      shared: served.shared,
      log: (level, message, more) => log[level]({ ...fields, ...more }, message),
      cancels,
    };
  }
}

function endReason(signal: AbortSignal): string {
  return signal.reason instanceof IhcError ? signal.reason.message : "the session has ended";
}
