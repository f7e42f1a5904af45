/** Wakes those who wait for a request, grant or session to change, inside this process. */
export interface Notify {
  changed(id: string): void;
  /** Resolves at the next change of that id, when the time is up or when the signal aborts; never rejects. */
  next(id: string, milliseconds: number, signal?: AbortSignal): Promise<void>;
}

export function notifier(): Notify {
  const waiting = new Map<string, Set<() => void>>();
  return {
    changed(id) {
      const wakes = waiting.get(id);
      waiting.delete(id);
      for (const wake of wakes ?? []) wake();
    },
    next(id, milliseconds, signal) {
      if (signal?.aborted) return Promise.resolve();
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, milliseconds);
      const wakes = waiting.get(id) ?? new Set();
      waiting.set(id, wakes.add(resolve));
      const abort = (): void => resolve();
      signal?.addEventListener("abort", abort, { once: true });
      return promise.finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
        wakes.delete(resolve);
        if (wakes.size === 0 && waiting.get(id) === wakes) waiting.delete(id);
      });
    },
  };
}
