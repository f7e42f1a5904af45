import type { Slot } from "../access/slot.ts";

/** `hold` means: not before reviewers have approved this very operation. */
export type Verdict = Allow | Hold | Denial;

export interface Allow {
  readonly kind: "allow";
  /** The policy that permits, for the journal. */
  readonly rule: string;
}

export interface Hold {
  readonly kind: "hold";
  readonly rule: string;
  readonly reason: string;
  /** Who must approve. */
  readonly slots: readonly Slot[];
  /** How long the reviewers have, milliseconds. */
  readonly within: number;
}

export interface Denial {
  readonly kind: "deny";
  readonly rule: string;
  readonly reason: string;
  /** The next thing to do, for the person who reads the refusal. */
  readonly hint?: string;
}
