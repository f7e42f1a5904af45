import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import { parsePattern } from "./columns.ts";
import { parseField } from "./fields.ts";
import { detectorNames, type MaskingRule, type MaskingRules } from "./rule.ts";

const how = z.enum(["redact", "partial", "hash", "null"]);
const rule = z.union([
  z.strictObject({ columns: z.array(z.string().min(1).max(512)).min(1), how: how.default("redact") }),
  z.strictObject({ fields: z.array(z.string().min(1).max(512)).min(1), how: how.default("redact") }),
  // An empty list says that no variable is masked by its name.
  z.strictObject({ env: z.array(z.string().regex(/^[^=\s]{1,256}$/)), how: how.default("redact") }),
  z.strictObject({ detect: z.array(z.enum(detectorNames)).min(1), how: how.default("redact") }),
]);
const rules = z.array(rule).default([]);
const mode = z.enum(["strict", "lenient"]).default("strict");

/** What a protocol has: columns (the default), or the fields of documents. Detectors are for all. */
export type Maskable = "columns" | "fields";

/**
 * Parses a target's `masking` (a list of rules) and `masking_mode`. Throws IhcError `config` that names the place of the
 * mistake inside `masking`; a rule of a kind that the target does not have is one, because it would mask nothing.
 */
export function parseMasking(rawRules: unknown, rawMode?: unknown, maskable?: Maskable): MaskingRules {
  const parsed = { rules: read("masking", rules, rawRules), mode: read("masking_mode", mode, rawMode) };
  for (const [index, one] of parsed.rules.entries()) checkRule(one, `masking.${index}`, maskable);
  return parsed;
}

function checkRule(rule: MaskingRule, place: string, maskable: Maskable | undefined): void {
  if ("detect" in rule) return;
  const kind = "columns" in rule ? "columns" : "fields";
  if (maskable !== undefined && kind !== maskable)
    throw new IhcError("config", `${place}: this target has no ${kind} to mask`, { hint: hints[maskable] });
  if ("columns" in rule) check(rule.columns, parsePattern, `${place}.columns`);
  if ("fields" in rule) check(rule.fields, parseField, `${place}.fields`);
}

const hints: Readonly<Record<Maskable, string>> = {
  columns: "write { columns: [schema.table.column] } or { detect: [card] }",
  fields: "write { fields: [configmaps/data/DB_*] }, { env: [*_TOKEN] } or { detect: [card] }",
};

function read<T>(name: string, schema: z.ZodType<T>, raw: unknown): T {
  const result = schema.safeParse(raw);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = [name, ...(issue?.path ?? [])].join(".");
  throw new IhcError("config", `${path}: not a masking rule`, {
    hint: `a rule is { columns: [schema.table.column], how }, { fields: [resource/path], how }, { env: [name], how } or { detect: [${detectorNames.join(", ")}], how }, how is redact, partial, hash or null, masking_mode is strict or lenient`,
    cause: result.error,
  });
}

function check(patterns: readonly string[], parse: (pattern: string) => unknown, place: string): void {
  try {
    for (const pattern of patterns) parse(pattern);
  } catch (cause) {
    if (!(cause instanceof IhcError)) throw cause;
    throw new IhcError("config", `${place}: ${cause.message}`, {
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    });
  }
}
