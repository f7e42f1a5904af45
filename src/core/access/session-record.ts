import type { GrantId, SessionId } from "../../base/ids.ts";
import type { Principal } from "./principal.ts";

export type SessionState = "open" | "ended";

/**
 * Why a session ended, for programs. `closed` by its owner, `killed` by an admin, `expired` and `revoked` with its grant,
 * `refused` by policy, `changed` target, `stopped` with the gateway in order and `lost` without, `unrecorded` when the
 * journal or the audit log could not be written.
 */
export const sessionEndCodes = [
  "closed",
  "killed",
  "expired",
  "revoked",
  "refused",
  "changed",
  "stopped",
  "lost",
  "unrecorded",
] as const;
export type SessionEndCode = (typeof sessionEndCodes)[number];

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
  readonly endCode?: SessionEndCode;
  /** False when the gateway died and the recording was sealed at the next start. */
  readonly complete: boolean;
}
