import { admitter } from "./admit.ts";
import type { SessionParts } from "./parts.ts";
import type { Session } from "./session.ts";
import { verdictCache } from "./verdict-cache.ts";

/** The session as one connection's protocol sees it. */
export function openSession(parts: SessionParts): Session {
  const signal = AbortSignal.any([parts.signal, parts.journal.failed]);
  const verdicts = parts.verdicts ?? verdictCache();
  return {
    id: parts.id,
    connection: parts.connection,
    get principal() {
      return parts.principal();
    },
    get target() {
      return parts.target();
    },
    get effects() {
      return parts.effects();
    },
    ...(parts.incident === undefined ? {} : { incident: parts.incident }),
    signal,
    masks: parts.masks,
    recording: parts.recording,
    admit: admitter({ ...parts, signal, verdicts }),
    record: (event) => parts.journal.add(event),
    recorded: () => parts.journal.drained(),
  };
}
