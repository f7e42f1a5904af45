import { sha256 } from "../../src/base/bytes.ts";
import { newId, type SessionId } from "../../src/base/ids.ts";
import type { Grant } from "../../src/core/access/grant.ts";
import type { PersonId, Principal } from "../../src/core/access/principal.ts";
import type { AccessRequest } from "../../src/core/access/request.ts";
import type { SessionRecord } from "../../src/core/access/session-record.ts";
import type { ChunkRecord } from "../../src/storage/store.ts";

export const noon = new Date("2026-11-23T12:00:00.000Z");

export function later(minutes: number): Date {
  return new Date(noon.getTime() + minutes * 60_000);
}

export function person(name: string): Principal {
  const subject = `sub-${name}`;
  return {
    person: `https://login.example ${subject}` as PersonId,
    issuer: "https://login.example",
    subject,
    name: `${name}@example.com`,
    groups: ["oncall"],
    amr: ["pwd"],
  };
}

export function accessRequest(changes: Partial<AccessRequest> = {}): AccessRequest {
  return {
    id: newId("req"),
    version: 1,
    kind: "access",
    state: "pending",
    requester: person("ana"),
    target: "prod-db",
    effects: ["read"],
    reason: "INC-1",
    duration: 3_600_000,
    breakGlass: false,
    rule: "responders",
    slots: [{ group: "sre-leads", people: 1 }],
    policyVersion: "v1",
    createdAt: noon,
    expiresAt: later(60),
    reviews: [],
    reviewOwed: false,
    ...changes,
  };
}

export function grant(changes: Partial<Grant> = {}): Grant {
  return {
    id: newId("gra"),
    version: 1,
    state: "active",
    request: newId("req"),
    principal: person("ana"),
    target: "prod-db",
    effects: ["read"],
    reason: "INC-1",
    breakGlass: false,
    approvedBy: ["lee@example.com"],
    slots: [{ group: "sre-leads", people: 1 }],
    startsAt: noon,
    expiresAt: later(60),
    ...changes,
  };
}

export function sessionRecord(changes: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: newId("ses"),
    version: 1,
    state: "open",
    principal: person("ana"),
    target: "prod-db",
    protocol: "postgres",
    reason: "INC-1",
    breakGlass: false,
    policyVersion: "v1",
    login: "{}",
    openedAt: noon,
    expiresAt: later(60),
    complete: true,
    ...changes,
  };
}

export function chunkRecord(session: SessionId, number = 0): ChunkRecord {
  return {
    session,
    track: "gateway",
    number,
    digest: sha256(`chunk ${number}`),
    previous: number === 0 ? "" : sha256(`chunk ${number - 1}`),
    bytes: 10,
    events: 2,
    sealedAt: noon,
  };
}
