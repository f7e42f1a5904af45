import { IhcError } from "../../base/errors.ts";
import { like } from "./like.ts";
import type { How, MaskingRule } from "./rule.ts";

/** Column rules as questions. Names compare without regard to case: one column too many masked beats one too few. */
export interface ColumnMasks {
  readonly any: boolean;
  column(schema: string, table: string, column: string): How | undefined;
  name(column: string): How | undefined;
}

/** Compiles the column rules; the first rule that names a column wins. */
export function compileColumns(rules: readonly MaskingRule[]): ColumnMasks {
  const patterns = rules.flatMap((rule) =>
    "columns" in rule ? rule.columns.map((text) => ({ ...parsePattern(text), how: rule.how })) : [],
  );
  return {
    any: patterns.length > 0,
    column: (schema, table, column) =>
      patterns.find((p) => like(p.schema, schema) && like(p.table, table) && like(p.column, column))?.how,
    name: (column) =>
      patterns.find((p) => p.schema === "*" && p.table === "*" && like(p.column, column))?.how,
  };
}

export interface ColumnPattern {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/**
 * Reads `schema.table.column`, `table.column` or `column` with `*` for any run of characters inside a part. Parts after
 * the third point into a document (`app.customers.prefs.phone`): the whole column is masked. A part that holds a dot is
 * written in double quotes.
 */
export function parsePattern(text: string): ColumnPattern {
  const parts = [...text.matchAll(/(?:^|\.)(?:"([^"]+)"|([^".\s]+))/gy)];
  const names = parts.map(([, quoted, plain]) => (quoted ?? plain ?? "").toLowerCase());
  if (parts.map(([part]) => part).join("") !== text || names.length === 0)
    throw new IhcError("config", `not a column pattern: ${text}`, {
      hint: "write schema.table.column, with * for any part, such as *.ssn",
    });
  const [first = "*", second, third] = names;
  if (second === undefined) return { schema: "*", table: "*", column: first };
  if (third === undefined) return { schema: "*", table: first, column: second };
  return { schema: first, table: second, column: third };
}
