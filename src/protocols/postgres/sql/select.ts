import { enterFrom } from "./from.ts";
import { constant, fieldsOf, list, nodeOf, strings, type Tree, text, tree } from "./tree.ts";
import { type Env, enterWith, noteOperator, openScope, raise, type Walk } from "./walk.ts";

/** SELECT, VALUES, TABLE and their set operations. */
export function select(fields: Tree, env: Env, walk: Walk): void {
  const ctes = enterWith(fields["withClause"], env, walk);
  if (fields["intoClause"] !== undefined) raise(walk.found, "admin", "ddl", "select-into");
  if (list(fields["lockingClause"]).length > 0) raise(walk.found, "write", "locking");
  if (fields["op"] !== undefined && fields["op"] !== "SETOP_NONE") {
    combined(fields, { ...env, ctes, client: false }, walk);
    return;
  }
  const scope = openScope(walk, env);
  const plain = env.client && isPlain(fields);
  const inner: Env = { scope, ctes, place: "expression", client: false, inFrom: false };
  enterFrom(fields["fromClause"], inner, walk);
  visitTargets(fields["targetList"], inner, plain, walk);
  const condition: Env = { ...inner, place: "condition" };
  walk.visit(fields["whereClause"], condition);
  walk.visit(fields["havingClause"], condition);
  sortKeys(fields, inner, walk);
  for (const key of [
    "distinctClause",
    "groupClause",
    "windowClause",
    "valuesLists",
    "limitCount",
    "limitOffset",
  ])
    walk.visit(fields[key], inner);
}

/** Output columns: a bare column keeps its origin on the way to the client, anything else is an expression. */
export function visitTargets(targets: unknown, env: Env, client: boolean, walk: Walk): void {
  for (const target of list(targets)) {
    const value = fieldsOf(target, "ResTarget")?.["val"];
    const bare = client && fieldsOf(value, "ColumnRef") !== undefined;
    walk.visit(value, bare ? { ...env, place: "output" } : env);
  }
}

function combined(fields: Tree, env: Env, walk: Walk): void {
  for (const side of ["larg", "rarg"]) {
    const query = tree(fields[side]);
    if (query !== undefined) walk.visit({ SelectStmt: query }, env);
  }
  const scope = openScope(walk, env);
  const inner: Env = { ...env, scope, place: "expression", inFrom: false };
  for (const key of ["sortClause", "limitCount", "limitOffset"]) walk.visit(fields[key], inner);
}

function isPlain(fields: Tree): boolean {
  return (
    fields["intoClause"] === undefined &&
    ["distinctClause", "groupClause", "havingClause"].every((key) => fields[key] === undefined)
  );
}

/** ORDER BY may name an output column by its name or position: then that column's own expression is what is sorted. */
function sortKeys(fields: Tree, env: Env, walk: Walk): void {
  const targets = list(fields["targetList"]);
  for (const item of list(fields["sortClause"])) {
    const sort = fieldsOf(item, "SortBy");
    const key = sort?.["node"];
    noteOperator(sort?.["useOp"], walk);
    const position = nodeOf(key)?.type === "A_Const" ? Number(constant(key)) : Number.NaN;
    const named = outputNamed(key, targets);
    if (Number.isInteger(position)) sortByPosition(position, targets, env, walk);
    else walk.visit(named ?? item, env);
  }
}

/** Behind a star it takes the catalog to know which column stands at a position. */
function sortByPosition(position: number, targets: readonly unknown[], env: Env, walk: Walk): void {
  const values = targets.slice(0, position).map((target) => fieldsOf(target, "ResTarget")?.["val"]);
  const stars = values.filter(isStar);
  if (stars.length === 0) walk.visit(values[position - 1], env);
  for (const star of stars) {
    const fields = strings(fieldsOf(star, "ColumnRef")?.["fields"]);
    const use = { scope: env.scope, fields, star: true, place: "expression" } as const;
    walk.found.columns.push(stars.length === 1 ? { ...use, nth: position - values.indexOf(star) } : use);
  }
}

function outputNamed(key: unknown, targets: readonly unknown[]): unknown {
  const fields = list(fieldsOf(key, "ColumnRef")?.["fields"]);
  const name = fields.length === 1 ? text(fieldsOf(fields[0], "String")?.["sval"]) : "";
  if (name === "") return undefined;
  const found = targets.find((target) => text(fieldsOf(target, "ResTarget")?.["name"]) === name);
  return fieldsOf(found, "ResTarget")?.["val"];
}

function isStar(value: unknown): boolean {
  const fields = list(fieldsOf(value, "ColumnRef")?.["fields"]);
  return nodeOf(fields.at(-1))?.type === "A_Star";
}
