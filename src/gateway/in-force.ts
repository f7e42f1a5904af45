import type { Policy } from "../core/access/policy.ts";
import type { Target } from "../core/access/target.ts";
import type { MaskPlan } from "../core/masking/plan.ts";
import type { MaskingRules } from "../core/masking/rule.ts";
import type { RecordingLimits } from "../core/session/session.ts";
import type { Protocol, PublicSettings } from "../protocols/protocol.ts";

/** One target as it is served now. */
export interface ServedTarget {
  readonly target: Target;
  readonly protocol: Protocol<unknown>;
  readonly settings: unknown;
  readonly masking: MaskingRules;
  readonly masks: MaskPlan;
  readonly recording: RecordingLimits;
  readonly client: PublicSettings;
  /** Of this version of the settings; a reload that changes them starts a new one. */
  readonly shared: Map<string, unknown>;
  /** Equal for two versions exactly when nothing about the target's settings has changed. */
  readonly fingerprint: string;
}

/** Who may see what others do, and end it. */
export interface Oversight {
  readonly auditors: readonly string[];
  readonly admins: readonly string[];
  /** Approvals in each direction within a day from which two people are reported. */
  readonly reciprocalApprovals: number;
}

/** What can change while the gateway runs: policy, targets and the rules of requests and sessions. Immutable. */
export interface InForce {
  readonly policy: Policy;
  readonly targets: ReadonlyMap<string, ServedTarget>;
  readonly oversight: Oversight;
  /** Authentication methods (RFC 8176) of which a reviewer's login needs one; empty when policy does not ask. */
  readonly reviewAmr: readonly string[];
  /** How long ago a reviewer may have authenticated, milliseconds; undefined when it does not matter. */
  readonly reviewAuthAge?: number;
  /** How long reviewers have, milliseconds. */
  readonly requestTtl: number;
  /** Of a grant that names none, milliseconds. */
  readonly defaultDuration: number;
  /** Caps whatever policy gives, milliseconds. */
  readonly maxDuration: number;
  /** Caps what one person is given on one target within 24 hours, milliseconds. */
  readonly maxPerDay: number;
  /** The longest a session without a grant may last, milliseconds. */
  readonly sessionLength: number;
}
