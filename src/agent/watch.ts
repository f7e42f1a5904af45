import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { SessionView } from "../core/api/schema.ts";
import type { ControlClient } from "./control-client.ts";
import type { Ending, LiveEvent } from "./live-event.ts";

export interface Watch {
  readonly control: ControlClient;
  readonly clock: Clock;
  readonly session: () => SessionView;
  /** Milliseconds since 1970. */
  readonly expiresAt: () => number;
  readonly reopen: () => Promise<SessionView>;
  readonly tell: (event: LiveEvent) => void;
}

export interface Watched {
  readonly ended: Promise<Ending>;
  /** Asks the gateway soon whether the session still stands: a connection has ended, perhaps with it. */
  recheck(): void;
  stop(): void;
}

const tick = 1000;
const askEvery = 20_000;
const askAtMostEvery = 2000;
const warnings = [60_000, 300_000] as const;

/**
 * Watches the wall clock (a laptop that slept past the end finds out at once) and, now and then, the gateway. A session that
 * the gateway has lost is opened again while the access stands.
 */
export function watch(options: Watch): Watched {
  const { clock, tell } = options;
  const { promise: ended, resolve } = Promise.withResolvers<Ending>();
  const abort = new AbortController();
  let askAt = clock.monotonic() + askEvery;
  let asked = clock.monotonic();
  let asking = false;
  let reachable = true;
  // Somebody who was just given ten seconds need not be told that they end soon.
  let warned = options.expiresAt() - clock.now().getTime() - tick * 10;

  const finish = (ending: Ending): void => {
    stop();
    resolve(ending);
  };
  const look = (): void => {
    const left = options.expiresAt() - clock.now().getTime();
    if (left <= 0) {
      finish({ kind: "expired", reason: "the access has ended" });
      return;
    }
    const due = warnings.find((limit) => left <= limit);
    if (due !== undefined && due < warned) {
      warned = due;
      tell({ kind: "ends-soon", left });
    }
    if (clock.monotonic() >= askAt && !asking) void ask();
  };
  const ask = async (): Promise<void> => {
    asking = true;
    asked = clock.monotonic();
    try {
      const seen = await options.control.session(options.session().id, abort.signal);
      if (seen.state === "ended") await replace(options, seen, finish);
      else if (!reachable) tell({ kind: "reachable" });
      reachable = true;
    } catch (error) {
      if (!abort.signal.aborted) failed(error);
    } finally {
      asking = false;
      // Until the gateway is back it is asked more often: new connections shall work soon after.
      askAt = clock.monotonic() + (reachable ? askEvery : 2000);
    }
  };
  const failed = (thrown: unknown): void => {
    const error =
      thrown instanceof IhcError ? thrown : new IhcError("internal", "the watch failed", { cause: thrown });
    if (lasting.has(error.code)) finish({ kind: "ended", reason: error.message });
    else if (reachable) tell({ kind: "unreachable", error });
    reachable = false;
  };
  const timer = setInterval(look, tick);
  const stop = (): void => {
    clearInterval(timer);
    abort.abort();
  };
  return {
    ended,
    stop,
    recheck: () => {
      askAt = Math.min(askAt, Math.max(clock.monotonic() + 200, asked + askAtMostEvery));
    },
  };
}

const lasting: ReadonlySet<string> = new Set([
  "denied",
  "not-found",
  "login-needed",
  "unauthenticated",
  "conflict",
]);

async function replace(options: Watch, seen: SessionView, finish: (ending: Ending) => void): Promise<void> {
  const reason = seen.end_reason ?? "the gateway ended the session";
  if (survives(seen) && (await accessStands(options, seen)))
    options.tell({ kind: "reopened", session: await options.reopen(), reason });
  else finish({ kind: seen.end_code === "expired" ? "expired" : "ended", reason });
}

/**
 * What happened to the gateway or the target may be survived; what a person or policy decided may not: opening another
 * session under the same grant would undo an administrator's kill. An ending that does not say why is such a decision.
 */
function survives({ end_code }: SessionView): boolean {
  return end_code !== undefined && survivable.has(end_code);
}

const survivable: ReadonlySet<string> = new Set(["stopped", "lost", "changed", "unrecorded"]);

/** The grant is the right; a session is only its use, which a restart of the gateway may end early. */
async function accessStands({ control, clock }: Watch, seen: SessionView): Promise<boolean> {
  if (seen.grant === undefined) return true;
  const grant = await control.grant(seen.grant);
  return grant.state === "active" && Date.parse(grant.expires_at) > clock.now().getTime();
}
