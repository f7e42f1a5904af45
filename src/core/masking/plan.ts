import type { FieldMasks } from "./fields.ts";
import type { DetectorName, How, Masked, MaskingRules } from "./rule.ts";
import type { Match } from "./scan.ts";

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
  /** Rules for the fields of documents and for environment variables. */
  readonly documents: FieldMasks;
  readonly hasDetectors: boolean;
  /** How a detector's matches are replaced; undefined when no rule names it. */
  detects(name: DetectorName): How | undefined;
  /**
   * False when nothing in the range can match, whatever stands around it: the prefilter for frames and whole chunks,
   * without allocation.
   */
  suspects(bytes: Uint8Array, from: number, to: number): boolean;
  /** Where the next byte stands at which `suspects` would say so; `to` when there is none. */
  suspectAt(bytes: Uint8Array, from: number, to: number): number;
  /** Where the detectors match, for a caller that replaces by itself. */
  find(bytes: Uint8Array, from: number, to: number): readonly Match[];
  /** The range with its matches replaced; undefined when there are none. The result may be shared: do not write to it. */
  replaced(bytes: Uint8Array, from: number, to: number): Masked<Uint8Array> | undefined;
  /** Runs the detectors over any text that leaves the target. */
  text(text: string): Masked<string>;
  /**
   * Runs the detectors over UTF-8 bytes; returns the same buffer when nothing was found, so that an untouched value is
   * neither decoded nor copied.
   */
  bytes(bytes: Uint8Array): Masked<Uint8Array>;
  /** As `bytes` for a JSON text: string leaves stay strings, escapes are seen through, numbers stay numbers. */
  json(bytes: Uint8Array): Masked<Uint8Array>;
  /** Replaces one value as text. `null` gives the empty text: the protocol writes its own NULL. */
  value(how: How, value: string): Masked<string>;
}
