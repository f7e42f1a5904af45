import type { How, Masked, MaskingRules } from "./rule.ts";

/**
 * A target's masks, compiled once per session. Column lookups are for compiling a plan per result shape, never per row;
 * the text and byte scans are linear and safe on any input.
 */
export interface MaskPlan {
  readonly rules: MaskingRules;
  /** Whether any rule could name a column of that relation; names as the catalog spells them. */
  column(schema: string, table: string, column: string): How | undefined;
  /** For an output column that has no identity: rules that name a column whatever its table (`*.ssn`, `*.*.email`). */
  name(column: string): How | undefined;
  readonly hasColumns: boolean;
  readonly hasDetectors: boolean;
  /** Runs the detectors over any text that leaves the target. */
  text(text: string): Masked<string>;
  /**
   * Runs the detectors over UTF-8 bytes; returns the same buffer when nothing was found, so that an untouched value is
   * neither decoded nor copied.
   */
  bytes(bytes: Uint8Array): Masked<Uint8Array>;
  /** Replaces one value as text. */
  value(how: How, value: string): Masked<string>;
}
