import type { GrantId, SessionId } from "../../base/ids.ts";
import type { Principal } from "./principal.ts";

export type SessionState = "open" | "ended";

/** One `ihc connect` by one principal to one target under one grant, as the store keeps it. */
export interface SessionRecord {
  readonly id: SessionId;
  readonly version: number;
  readonly state: SessionState;
  readonly principal: Principal;
  readonly target: string;
  readonly protocol: string;
  /** Absent when policy permits without a grant. */
  readonly grant?: GrantId;
  readonly reason: string;
  readonly incident?: string;
  readonly breakGlass: boolean;
  readonly policyVersion: string;
  /** Only hashes of the session secret; see protocols/protocol SessionLogin. Canonical JSON. */
  readonly login: string;
  readonly openedAt: Date;
  readonly expiresAt: Date;
  readonly endedAt?: Date;
  readonly endReason?: string;
  /** False when the gateway died and the recording was sealed at the next start. */
  readonly complete: boolean;
}
