import type { Log } from "./log.ts";

export interface SignalActions {
  readonly stop: () => void;
  readonly reload: () => void;
  readonly log: Log;
}

/**
 * Listens to the operator's signals for as long as the process lives: a second one must not end it while recordings are
 * being sealed.
 */
export function onSignals({ stop, reload, log }: SignalActions): void {
  // Without a listener of ours SIGUSR1 would open Node's inspector, which shows every secret in memory.
  const ignored = (): void => log.warn("SIGUSR1 ignored: the inspector stays closed");
  const actions = { SIGTERM: stop, SIGINT: stop, SIGHUP: reload, SIGUSR1: ignored } as const;
  for (const [signal, action] of Object.entries(actions)) process.on(signal, action);
}
