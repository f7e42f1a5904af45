import { createHmac, timingSafeEqual } from "node:crypto";
import type { LogKey } from "../core/audit/checkpoint.ts";

/**
 * Authenticates what waits in the audit queue, under a key that is not in the database: who can write the database can take
 * entries out of the queue, which verification finds by the rows they vouch for, but not have their own ones signed.
 */
export interface QueueSeal {
  mac(body: string): string;
  fits(body: string, mac: string): boolean;
}

/** Without a key nothing fits, and what is queued will not be believed: for looking only. */
export function queueSeal(key: Pick<LogKey, "queueKey"> | undefined): QueueSeal {
  if (!key) return { mac: () => "", fits: () => false };
  const code = (body: string): Buffer => createHmac("sha256", key.queueKey).update(body).digest();
  return {
    mac: (body) => code(body).toString("base64"),
    fits(body, mac) {
      const given = Buffer.from(mac, "base64");
      const expected = code(body);
      return given.length === expected.length && timingSafeEqual(given, expected);
    },
  };
}
