import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import { parsePattern } from "./columns.ts";
import { detectorNames, type MaskingRules } from "./rule.ts";

const how = z.enum(["redact", "partial", "hash", "null"]);
const rule = z.union([
  z.strictObject({ columns: z.array(z.string().min(1).max(512)).min(1), how: how.default("redact") }),
  z.strictObject({ detect: z.array(z.enum(detectorNames)).min(1), how: how.default("redact") }),
]);
const rules = z.array(rule).default([]);
const mode = z.enum(["strict", "lenient"]).default("strict");

/**
 * Parses a target's `masking` (a list of rules) and `masking_mode`. Throws IhcError `config` that names the place of the
 * mistake inside `masking`.
 */
export function parseMasking(rawRules: unknown, rawMode?: unknown): MaskingRules {
  const parsed = { rules: read("masking", rules, rawRules), mode: read("masking_mode", mode, rawMode) };
  for (const [index, one] of parsed.rules.entries())
    if ("columns" in one) for (const pattern of one.columns) checkPattern(pattern, index);
  return parsed;
}

function read<T>(name: string, schema: z.ZodType<T>, raw: unknown): T {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = [name, ...(issue?.path ?? [])].join(".");
  throw new IhcError("config", `${path}: not a masking rule`, {
    hint: `a rule is { columns: [schema.table.column], how } or { detect: [${detectorNames.join(", ")}], how }, how is redact, partial, hash or null, masking_mode is strict or lenient`,
    cause: result.error,
  });
}

function checkPattern(pattern: string, index: number): void {
  try {
    parsePattern(pattern);
  } catch (cause) {
    if (!(cause instanceof IhcError)) throw cause;
    throw new IhcError("config", `masking.${index}.columns: ${cause.message}`, {
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    });
  }
}
