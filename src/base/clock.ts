/** The only source of time, so that tests can make it jump. */
export interface Clock {
  now(): Date;
  /** Milliseconds that never run backwards; for durations, not for dates. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonic: () => performance.now(),
};
