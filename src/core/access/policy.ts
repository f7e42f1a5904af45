import type { Attributes, Effect } from "../session/operation.ts";
import type { Denial, Verdict } from "../session/verdict.ts";
import type { Grant } from "./grant.ts";
import type { Principal } from "./principal.ts";
import type { Slot } from "./slot.ts";
import type { Target } from "./target.ts";

/** What policy is asked about one operation. */
export interface Question {
  readonly principal: Principal;
  readonly target: Target;
  readonly effect: Effect;
  readonly kind: string;
  readonly resources: readonly string[];
  readonly traits: readonly string[];
  readonly attributes?: Attributes;
  readonly incident?: string;
  /** Slots already full for this very operation. */
  readonly approvedBy: readonly string[];
  readonly now: Date;
  /** The grant under which the session runs, if any. */
  readonly grant?: Grant;
}

/** What stands between a person and a session on a target. */
export type AccessDecision =
  | { readonly kind: "allow"; readonly rule: string; readonly effects: readonly Effect[] }
  | {
      readonly kind: "needs-grant";
      readonly rule: string;
      readonly slots: readonly Slot[];
      /** Which of the effects asked for the grant would cover. */
      readonly effects: readonly Effect[];
      /** The longest grant that policy gives (`@max("4h")`), milliseconds. */
      readonly longest: number;
    }
  | Denial;

/** One policy's part in a decision, for `ihc policy explain`. */
export interface PolicyReason {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly effect: "permit" | "forbid";
  readonly annotations: Readonly<Record<string, string>>;
}

/** A compiled, validated set of policies. Immutable; a reload makes a new one. */
export interface Policy {
  /** sha256 over all policy texts. */
  readonly version: string;
  /** Judges one operation: every forbid that holds, then the permits and whether the grant covers them. */
  judge(question: Question): Verdict;
  /** Judges opening a session or filing a request, before there is an operation: which effects, under which reviews. */
  access(
    principal: Principal,
    target: Target,
    wanted: readonly Effect[] | undefined,
    breakGlass: boolean,
    now: Date,
    /** When it is known already; what depends on it is else left to each operation. */
    incident?: string,
  ): AccessDecision;
  explain(question: Question): { readonly verdict: Verdict; readonly reasons: readonly PolicyReason[] };
}
