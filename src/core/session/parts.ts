import type { Clock } from "../../base/clock.ts";
import type { ConnectionId, SessionId } from "../../base/ids.ts";
import type { Grant } from "../access/grant.ts";
import type { Policy } from "../access/policy.ts";
import type { Principal } from "../access/principal.ts";
import type { Target } from "../access/target.ts";
import type { JournalWriter } from "../journal/writer.ts";
import type { MaskPlan } from "../masking/plan.ts";
import type { Approvals, Audit } from "./approvals.ts";
import type { Effect } from "./operation.ts";
import type { RecordingLimits } from "./session.ts";
import type { VerdictCache } from "./verdict-cache.ts";

/** What one client connection of a session is made of. The gateway builds it; functions are asked anew for each operation. */
export interface SessionParts {
  readonly id: SessionId;
  readonly connection: ConnectionId;
  /** As their newest token and the newest configuration show them: a lost group, a changed label counts at once. */
  readonly principal: () => Principal;
  readonly target: () => Target;
  /** What policy and grant would let pass now, operation by operation; nothing else ever does. */
  readonly effects: () => readonly Effect[];
  readonly incident?: string;
  /** The policy in force now: a reload counts for running sessions at once. */
  readonly policy: () => Policy;
  /** The newest known state of the session's grant; undefined when policy permits without one. */
  readonly grant: () => Grant | undefined;
  readonly masks: MaskPlan;
  readonly journal: JournalWriter;
  readonly approvals: Approvals;
  readonly audit: Audit;
  /** Whether the audit log takes entries; while it does not, only reads pass. True when absent. */
  readonly auditable?: () => boolean;
  readonly clock: Clock;
  /** Aborts when the session must end; `journal.failed` is added here. */
  readonly signal: AbortSignal;
  readonly recording: RecordingLimits;
  /** One for all connections of a session; made here when absent. */
  readonly verdicts?: VerdictCache;
}
