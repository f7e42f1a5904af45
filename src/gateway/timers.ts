import type { Grant } from "../core/access/grant.ts";
import { expireGrant } from "../core/access/grant.ts";
import type { LiveSessions } from "./live-sessions.ts";
import { errorFields, type Log } from "./log.ts";
import { changeGrant, grantEntry, type Records } from "./records.ts";
import { expire } from "./requests.ts";

/** Sessions are looked at this often, by the wall clock, so that a clock that jumps is noticed within a second. */
const sessionEvery = 250;
const storeEvery = 1000;
/** Policy may ask for the time of day: sessions are judged again this often. */
const judgeEvery = 30_000;

export interface TimerParts {
  readonly records: Records;
  readonly live: LiveSessions;
  readonly log: Log;
}

/** Ends what is out of time: sessions, grants, pending requests. Returns the way to stop. */
export function startTimers({ records, live, log }: TimerParts): () => void {
  let busy = false;
  const due = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      await endDue(records, live);
    } catch (error) {
      log.error({ err: errorFields(error) }, "what is out of time could not be ended");
    } finally {
      busy = false;
    }
  };
  const timers = [
    setInterval(() => live.tick(), sessionEvery),
    setInterval(() => void due(), storeEvery),
    setInterval(() => live.sweep(), judgeEvery),
  ];
  return () => {
    for (const timer of timers) clearInterval(timer);
  };
}

async function endDue(records: Records, live: LiveSessions): Promise<void> {
  const { store, clock } = records;
  await live.settleOwed();
  const dueAt = clock.now();
  for (const { id } of await store.requests.list({ states: ["pending"], dueAt, limit: 100 }))
    await expire(records, id);
  for (const { id } of await store.grants.list({ states: ["active"], dueAt, limit: 100 }))
    live.grantChanged(await changeGrant(records, id, undefined, expired));
}

function expired(current: Grant, now: Date) {
  const grant = expireGrant(current, now);
  return { grant, entry: grantEntry("grant.expired", grant, "gateway", now) };
}
