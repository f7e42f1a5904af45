import { errorFields, type Log } from "./log.ts";

/** How long an orderly stop may take after an error that nobody caught, milliseconds. */
const patience = 15_000;

/**
 * What happens when our own code fails where nobody waits for it. A rejected promise concerns the one thing it was made for:
 * it is logged and the gateway goes on. A thrown error leaves the state unknown: the gateway stops, seals and says why.
 */
export function onFaults(log: Log, stop: (cause: unknown) => void): void {
  const rejected = (cause: unknown): void =>
    log.error({ err: errorFields(cause) }, "a promise was rejected and nobody waited for it");
  const thrown = (cause: unknown): void => {
    log.fatal({ err: errorFields(cause) }, "an error that nobody caught: the gateway stops");
    setTimeout(() => process.exit(1), patience).unref();
    stop(cause);
  };
  process.on("unhandledRejection", rejected);
  process.on("uncaughtException", thrown);
}
