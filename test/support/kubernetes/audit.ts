import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** One line of the API server's own audit log. */
export interface AuditEvent {
  readonly auditID: string;
  readonly stage: string;
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly verb: string;
  readonly user: AuditUser;
  readonly impersonatedUser?: AuditUser;
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly apiGroup?: string;
    readonly apiVersion?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code: number };
}

export interface AuditUser {
  readonly username: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** Metadata of every request when it is answered; of streams when they begin, too. */
export const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata" }],
};

export function readAudit(file: string): readonly AuditEvent[] {
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  return lines.map((line): AuditEvent => JSON.parse(line));
}

/**
 * The requests that `which` accepts, each by its first event, once there are `count`: the server writes them about when it
 * answers. Throws when that takes more than 5 s.
 */
export async function auditUntil(
  file: string,
  which: (event: AuditEvent) => boolean,
  count = 1,
): Promise<readonly AuditEvent[]> {
  for (let attempt = 0; ; attempt += 1) {
    const matching = readAudit(file).filter(which);
    const found = [...new Map(matching.reverse().map((event) => [event.auditID, event])).values()].reverse();
    if (found.length >= count) return found;
    if (attempt === 100)
      throw new Error(`the server's audit log has ${found.length} such events, not ${count}`);
    await sleep(50);
  }
}
