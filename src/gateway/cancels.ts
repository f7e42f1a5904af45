import { randomBytes, timingSafeEqual } from "node:crypto";
import type { CancelRegistry } from "../protocols/protocol.ts";

interface Entry {
  readonly session: string;
  readonly key: Buffer;
  readonly cancel: () => Promise<void>;
}

/** Bytes of a key; protocol 3.2 allows up to 256, protocol 3.0 has room for the first four only. */
const keyLength = 32;

/** Cancel functions by process id and our own key, bound to the session that they came through. */
export function cancelRegistry(): CancelRegistry {
  const entries = new Map<number, Set<Entry>>();
  return {
    register(session, processId, cancel) {
      const entry = { session, key: randomBytes(keyLength), cancel };
      const same = entries.get(processId) ?? new Set();
      entries.set(processId, same.add(entry));
      return {
        secretKey: entry.key,
        dispose() {
          same.delete(entry);
          if (same.size === 0 && entries.get(processId) === same) entries.delete(processId);
        },
      };
    },
    async cancel(session, processId, secretKey) {
      for (const entry of entries.get(processId) ?? []) {
        if (entry.session !== session || !begins(entry.key, secretKey)) continue;
        await entry.cancel();
        return true;
      }
      return false;
    },
  };
}

/** Old clients know the first four bytes, new ones the whole key; nothing between. */
function begins(key: Buffer, given: Buffer): boolean {
  if (given.length !== 4 && given.length !== key.length) return false;
  return timingSafeEqual(key.subarray(0, given.length), given);
}
