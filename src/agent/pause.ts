import { setTimeout as sleep } from "node:timers/promises";
import { IhcError } from "../base/errors.ts";

/** Waits; throws IhcError `canceled` when the signal aborts first. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal === undefined ? {} : { signal });
  } catch (cause) {
    throw new IhcError("canceled", "canceled", { cause });
  }
}
