import type { Bound, Name } from "./facts.ts";
import { constant, fieldsOf, list, nodeOf, strings, type Tree, text } from "./tree.ts";

/** As many rows as a list of keys may name before the statement counts as unbounded. */
const fewKeys = 10;

/** How WHERE limits the rows of `target`. `joined`: other relations are in play, so a bare name may be theirs. */
export function boundOf(where: unknown, target: Name, alias: string, joined: boolean): Bound {
  if (where === undefined) return { target, kind: "none", columns: [] };
  if (nodeOf(where)?.type === "CurrentOfExpr") return { target, kind: "cursor", columns: [] };
  if (isTrivial(where)) return { target, kind: "trivial", columns: [] };
  return { target, kind: "columns", columns: [...keyed(where, alias, joined)] };
}

/** Columns that every row must match against few given values: AND gathers them, OR keeps those of every arm. */
function keyed(condition: unknown, alias: string, joined: boolean): ReadonlySet<string> {
  const bool = fieldsOf(condition, "BoolExpr");
  if (bool === undefined) return new Set(keyOf(condition, alias, joined));
  const arms = list(bool["args"]).map((arm) => keyed(arm, alias, joined));
  if (bool["boolop"] === "AND_EXPR") return new Set(arms.flatMap((arm) => [...arm]));
  const [first, ...rest] = arms;
  if (bool["boolop"] !== "OR_EXPR" || first === undefined || arms.length > fewKeys) return new Set();
  return new Set([...first].filter((column) => rest.every((arm) => arm.has(column))));
}

function keyOf(condition: unknown, alias: string, joined: boolean): readonly string[] {
  const fields = fieldsOf(condition, "A_Expr");
  if (fields === undefined || strings(fields["name"]).at(-1) !== "=") return [];
  const kind = text(fields["kind"]);
  const [left, right] = [fields["lexpr"], fields["rexpr"]];
  if (kind === "AEXPR_IN") return isFew(right) ? targetColumn(left, alias, joined) : [];
  if (kind !== "AEXPR_OP") return [];
  if (isGiven(right)) return targetColumn(left, alias, joined);
  return isGiven(left) ? targetColumn(right, alias, joined) : [];
}

function targetColumn(value: unknown, alias: string, joined: boolean): readonly string[] {
  const fields = fieldsOf(value, "ColumnRef");
  if (fields === undefined) return [];
  const parts = strings(fields["fields"]);
  const name = parts.at(-1);
  if (name === undefined || parts.length !== list(fields["fields"]).length) return [];
  if (parts.length === 1) return joined ? [] : [name];
  return parts.at(-2) === alias ? [name] : [];
}

function isFew(value: unknown): boolean {
  const items = list(fieldsOf(value, "List")?.["items"] ?? value);
  return items.length > 0 && items.length <= fewKeys && items.every(isGiven);
}

/** A constant or a parameter, cast or not. */
function isGiven(value: unknown): boolean {
  const node = nodeOf(value);
  if (node === undefined) return false;
  if (node.type === "TypeCast") return isGiven(node.fields["arg"]);
  return node.type === "A_Const" || node.type === "ParamRef";
}

/** Conditions that hold for every row, or for every row that has a value, whatever the row. */
function isTrivial(condition: unknown): boolean {
  const node = nodeOf(condition);
  if (node === undefined) return true;
  if (node.type === "BoolExpr") return isTrivialBool(node.fields);
  if (!mentionsColumn(condition)) return true;
  if (node.type === "NullTest") return node.fields["nulltesttype"] === "IS_NOT_NULL";
  return node.type === "A_Expr" && comparesWithItself(node.fields);
}

function isTrivialBool(fields: Tree): boolean {
  const args = list(fields["args"]);
  if (fields["boolop"] === "AND_EXPR") return args.every(isTrivial);
  if (fields["boolop"] === "OR_EXPR") return args.some(isTrivial) || complementary(args);
  return !args.some(mentionsColumn) || nodeOf(args[0])?.type === "NullTest";
}

/** `a is null or a is not null`. */
function complementary(args: readonly unknown[]): boolean {
  const tested = args.flatMap((arg) => {
    const fields = fieldsOf(arg, "NullTest");
    return fields === undefined ? [] : [plainText(fields["arg"])];
  });
  return new Set(tested).size < tested.length;
}

function comparesWithItself(fields: Tree): boolean {
  return fields["lexpr"] !== undefined && plainText(fields["lexpr"]) === plainText(fields["rexpr"]);
}

/** A tree's text without positions, to compare expressions. */
function plainText(value: unknown): string {
  return JSON.stringify(value, (key, inner: unknown) => (key === "location" ? undefined : inner)) ?? "";
}

function mentionsColumn(value: unknown): boolean {
  if (constant(value) !== undefined) return false;
  return JSON.stringify(value)?.includes('"ColumnRef"') ?? false;
}
