import { select } from "./select.ts";
import { list, nodeOf, strings, type Tree, text } from "./tree.ts";
import {
  type Env,
  type Handler,
  nameOf,
  noteOperator,
  noteType,
  rangeName,
  visitFields,
  type Walk,
} from "./walk.ts";

/** The expression nodes that name columns, functions, operators or types. */
export const expressions: Readonly<Record<string, Handler>> = {
  ColumnRef: column,
  A_Indirection: indirection,
  FuncCall: call,
  A_Expr: operation,
  SubLink: sublink,
  CaseExpr: (fields, env, walk) => {
    if (fields["arg"] !== undefined) walk.found.operators.push({ name: "=" });
    visitFields(fields, env, walk);
  },
  ...constructs(),
  SortBy: sort,
  TypeName: (fields, _env, walk) => noteType(fields, walk.found),
  SelectStmt: (fields, env, walk) => select(fields, env, walk),
  RangeSubselect: (fields, env, walk) => walk.visit(fields["subquery"], inner(env)),
  RangeFunction: (fields, env, walk) => visitFields(fields, inner(env), walk, ["alias"]),
  RangeVar: (fields, _env, walk) => {
    walk.found.relations.push({ ...rangeName(fields), use: "define" });
  },
};

function column(fields: Tree, env: Env, walk: Walk): void {
  const parts = list(fields["fields"]);
  const star = nodeOf(parts.at(-1))?.type === "A_Star";
  const { scope, place, inFrom } = env;
  walk.found.columns.push({ scope, fields: strings(parts), star, place, inFrom });
}

function indirection(fields: Tree, env: Env, walk: Walk): void {
  walk.found.attributes.push(...strings(fields["indirection"]));
  walk.visit(fields["arg"], value(env));
  walk.visit(fields["indirection"], value(env));
}

function call(fields: Tree, env: Env, walk: Walk): void {
  const name = nameOf(fields["funcname"]);
  if (name !== undefined) walk.found.functions.push(name);
  visitFields(fields, value(env), walk, ["funcname"]);
}

function operation(fields: Tree, env: Env, walk: Walk): void {
  noteOperator(fields["name"], walk);
  if (/BETWEEN/.test(text(fields["kind"])))
    for (const name of ["<", "<=", ">", ">="]) walk.found.operators.push({ name });
  visitFields(fields, value(env), walk, ["name"]);
}

function sublink(fields: Tree, env: Env, walk: Walk): void {
  if (fields["operName"] === undefined) walk.found.operators.push({ name: "=" });
  noteOperator(fields["operName"], walk);
  walk.visit(fields["testexpr"], value(env));
  walk.visit(fields["subselect"], inner(env));
}

function sort(fields: Tree, env: Env, walk: Walk): void {
  noteOperator(fields["useOp"], walk);
  walk.visit(fields["node"], value(env));
}

/** The grammar is PostgreSQL 17's; before, what stands here was a call like any other. */
function constructs(): Readonly<Record<string, Handler>> {
  const names: Readonly<Record<string, readonly string[]>> = {
    JsonFuncExpr: ["json_value", "json_query", "json_exists"],
    JsonScalarExpr: ["json_scalar"],
    JsonSerializeExpr: ["json_serialize"],
    JsonParseExpr: ["json"],
    JsonObjectConstructor: ["json_object"],
    JsonArrayConstructor: ["json_array"],
    JsonArrayQueryConstructor: ["json_array"],
    JsonObjectAgg: ["json_objectagg"],
    JsonArrayAgg: ["json_arrayagg"],
    JsonTable: ["json_table"],
  };
  const handler =
    (calls: readonly string[]): Handler =>
    (fields, env, walk) => {
      walk.found.constructs.push(...calls);
      visitFields(fields, value(env), walk);
    };
  return Object.fromEntries(Object.entries(names).map(([node, calls]) => [node, handler(calls)]));
}

/** Inside an operator or a call nothing is bare any more. */
function value(env: Env): Env {
  return env.place === "output" ? { ...env, place: "expression" } : env;
}

function inner(env: Env): Env {
  return { ...env, place: "expression", client: false };
}
