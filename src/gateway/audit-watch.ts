import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";

/** Whether the audit log takes entries. They wait in the store's queue meanwhile, which is the same chain later. */
export interface AuditWatch {
  /** Set while it does not: nothing new begins and nothing above reading passes. */
  problem(): IhcError | undefined;
  /** Set once that has lasted too long: what runs must end, so that the queue stays short. */
  lasting(): IhcError | undefined;
}

/** How long sessions may go on reading while the log is down, milliseconds. */
const patience = 5000;

export function auditWatch(sequencer: { problem(): IhcError | undefined }, clock: Clock): AuditWatch {
  let since: number | undefined;
  const problem = (): IhcError | undefined => {
    const cause = sequencer.problem();
    since = cause === undefined ? undefined : (since ?? clock.monotonic());
    if (cause === undefined) return undefined;
    return new IhcError("unavailable", "the audit log cannot be written", {
      rule: "audit-unavailable",
      hint: "tell the gateway's operator",
      cause,
    });
  };
  return {
    problem,
    lasting: () => {
      const found = problem();
      return found && since !== undefined && clock.monotonic() - since >= patience ? found : undefined;
    },
  };
}
