import type { ConnectionId, OperationId, RequestId, SessionId } from "../../base/ids.ts";
import type { Principal } from "../access/principal.ts";
import type { Target } from "../access/target.ts";
import type { JournalEvent } from "../journal/event.ts";
import type { MaskPlan } from "../masking/plan.ts";
import type { Admitted, Effect, Operation } from "./operation.ts";
import type { Denial, Hold } from "./verdict.ts";

/** What a protocol is given to serve one connection. It decides nothing itself: it asks here and obeys. */
export interface Session {
  readonly id: SessionId;
  readonly connection: ConnectionId;
  readonly principal: Principal;
  readonly target: Target;
  readonly incident?: string;
  /** All that operations of this session may do; a protocol can hold its upstream role to it. */
  readonly effects: readonly Effect[];
  /** Aborts when the grant ends, is revoked, policy takes the target away, the journal fails or the gateway drains. */
  readonly signal: AbortSignal;
  /** Judges, waits for reviewers where policy holds, journals the outcome; only then the operation may be sent. */
  admit<Op extends Operation>(op: Op, options?: AdmitOptions): Promise<Admission<Op>>;
  readonly masks: MaskPlan;
  /** Adds to the recording. Never throws; a journal that cannot be written aborts `signal`. */
  record(event: JournalEvent): void;
  /** Resolves when the recording has room again. */
  recorded(): Promise<void>;
  readonly recording: RecordingLimits;
}

export interface RecordingLimits {
  /** Rows of one result that are recorded; the rest is counted only. */
  readonly rows: number;
  readonly bytes: number;
}

export interface AdmitOptions {
  /** False for what cannot wait: where policy would hold it, it is denied with what would be needed. True when absent. */
  readonly mayHold?: boolean;
  /** Called once when the operation is held, so that the protocol can tell the client what it waits for. */
  readonly onHold?: (held: Held) => void;
  /** Aborts when the client went away: the held request is cancelled. */
  readonly signal?: AbortSignal;
}

export interface Held {
  readonly request: RequestId;
  readonly hold: Hold;
  readonly expiresAt: Date;
}

export type Admission<Op extends Operation> =
  | { readonly ok: true; readonly op: Admitted<Op>; readonly id: OperationId }
  | { readonly ok: false; readonly denial: Denial; readonly id: OperationId };
