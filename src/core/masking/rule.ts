import type { Brand } from "../../base/brand.ts";

/**
 * Text or bytes in which every sensitive value is replaced. Made by core/masking and by a protocol's own masks only; the
 * client, the journal and the audit log take nothing else.
 */
export type Masked<T extends string | Uint8Array = string | Uint8Array> = Brand<T, "Masked">;

/** `redact` → a fixed placeholder; `partial` → keeps the shape (`a***@***.io`); `hash` → keyed digest; `null` → NULL. */
export type How = "redact" | "partial" | "hash" | "null";

export const detectorNames = ["email", "card", "ssn", "jwt", "aws-key", "private-key", "api-key"] as const;
export type DetectorName = (typeof detectorNames)[number];

/** `schema.table.column` patterns with `*` for any part or any run inside a part. */
export interface ColumnRule {
  readonly columns: readonly string[];
  readonly how: How;
}

/** Patterns looked for in every text that leaves the target. */
export interface DetectRule {
  readonly detect: readonly DetectorName[];
  readonly how: How;
}

/**
 * Fields of documents: `resource[.group]/path` with `/` between segments, `*` for any run of characters in one segment and
 * `**` for any number of segments, such as `configmaps/data/DB_*`. Array elements are segments too.
 */
export interface FieldRule {
  readonly fields: readonly string[];
  readonly how: How;
}

/** Names of environment variables, `*` for any run of characters, whatever the case: `*_PASSWORD`. */
export interface EnvRule {
  readonly env: readonly string[];
  readonly how: How;
}

export type MaskingRule = ColumnRule | DetectRule | FieldRule | EnvRule;

/** A target's `masking`, `masking_mode` and `masking_exempt_functions`. */
export interface MaskingRules {
  readonly rules: readonly MaskingRule[];
  /** strict: a masked column only as a bare output column; lenient: expressions over it are masked whole. */
  readonly mode: "strict" | "lenient";
}
