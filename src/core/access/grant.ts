import type { GrantId, RequestId } from "../../base/ids.ts";
import type { Effect } from "../session/operation.ts";
import type { Principal } from "./principal.ts";

export type GrantState = "active" | "expired" | "revoked";

/** The time-bound right that an approved request issues. The clock starts at approval. */
export interface Grant {
  readonly id: GrantId;
  readonly version: number;
  readonly state: GrantState;
  readonly request: RequestId;
  readonly principal: Principal;
  readonly target: string;
  readonly effects: readonly Effect[];
  readonly incident?: string;
  readonly reason: string;
  readonly breakGlass: boolean;
  /** Names of the reviewers, for listings and the journal. */
  readonly approvedBy: readonly string[];
  readonly startsAt: Date;
  readonly expiresAt: Date;
  readonly endedAt?: Date;
  readonly endedBy?: string;
}
