import type { Clock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";

/** A token bucket per key: `burst` at once, `perSecond` in the long run. */
export interface Limit {
  readonly burst: number;
  readonly perSecond: number;
}

export type Limiter = (key: string) => void;

const mostKeys = 20_000;

/**
 * Throws IhcError `rate-limited` when a key asks too often. Memory is bounded: full buckets are forgotten first, and if
 * every key is busy the oldest goes.
 */
export function limiter(limit: Limit, clock: Clock): Limiter {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (key) => {
    const now = clock.monotonic();
    const bucket = buckets.get(key) ?? { tokens: limit.burst, at: now };
    const tokens = Math.min(limit.burst, bucket.tokens + ((now - bucket.at) / 1000) * limit.perSecond);
    buckets.delete(key);
    buckets.set(key, { tokens: Math.max(0, tokens - 1), at: now });
    if (buckets.size > mostKeys) forgetOldest(buckets);
    if (tokens < 1)
      throw new IhcError("rate-limited", "too many requests", { hint: "wait a moment and try again" });
  };
}

function forgetOldest(buckets: Map<string, unknown>): void {
  for (const key of buckets.keys()) {
    buckets.delete(key);
    return;
  }
}
