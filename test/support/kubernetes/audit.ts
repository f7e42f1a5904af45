import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** One line of the API server's own audit log. */
export interface AuditEvent {
  readonly auditID: string;
  readonly stage: string;
  readonly requestURI: string;
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

/** Metadata of every request, once, when it is answered or begins to stream. */
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

/** The events that `which` accepts, once there are `count`; the server writes them before it answers, streams a little later. */
export async function auditUntil(
  file: string,
  which: (event: AuditEvent) => boolean,
  count = 1,
): Promise<readonly AuditEvent[]> {
  for (let attempt = 0; ; attempt += 1) {
    const found = readAudit(file).filter(which);
    if (found.length >= count) return found;
    if (attempt === 100)
      throw new Error(`the server's audit log has ${found.length} such events, not ${count}`);
    await sleep(50);
  }
}
