import type { Digest } from "../../base/bytes.ts";
import type { GrantId, RequestId, SessionId } from "../../base/ids.ts";
import type { Json } from "../../base/json.ts";
import type { Effect } from "../session/operation.ts";
import type { Principal } from "./principal.ts";
import type { Review } from "./review.ts";
import type { Slot } from "./slot.ts";

export type RequestState = "pending" | "approved" | "denied" | "expired" | "canceled" | "used";

/** The operation that an operation approval is bound to. */
export interface HeldOperation {
  readonly session: SessionId;
  readonly kind: string;
  /** The exact text while the request is pending; the masked text afterwards. */
  readonly text: string;
  readonly parameters: readonly Json[];
  readonly effect: Effect;
  readonly resources: readonly string[];
  readonly traits: readonly string[];
  /** Over canonical JSON of kind, text, parameters, target, requester's person and MCP client. */
  readonly digest: Digest;
}

/** Asks for a grant, or (kind `operation`) for leave to run one held operation once. Everything but state is fixed at filing. */
export interface AccessRequest {
  readonly id: RequestId;
  /** Goes up by one with each change; compare-and-set runs on state + version. */
  readonly version: number;
  readonly kind: "access" | "operation";
  readonly state: RequestState;
  readonly requester: Principal;
  readonly target: string;
  readonly effects: readonly Effect[];
  readonly reason: string;
  readonly incident?: string;
  /** Of the grant asked for, milliseconds. */
  readonly duration: number;
  readonly breakGlass: boolean;
  /** The policy that asks for the reviews, and who must give them. */
  readonly rule: string;
  readonly slots: readonly Slot[];
  readonly policyVersion: string;
  readonly operation?: HeldOperation;
  readonly createdAt: Date;
  /** When a pending request times out. */
  readonly expiresAt: Date;
  readonly decidedAt?: Date;
  readonly reviews: readonly Review[];
  readonly grant?: GrantId;
  /** A break-glass grant owes a review afterwards until somebody else has given one. */
  readonly reviewOwed: boolean;
}
