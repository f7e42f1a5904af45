import type { Name } from "./facts.ts";
import { list, nodeOf, strings, type Tree, text, tree } from "./tree.ts";
import { addSource, type Env, rangeName, type Walk } from "./walk.ts";

/** Declares everything FROM names in the scope, then visits the expressions in it, which may refer to each other. */
export function enterFrom(items: unknown, env: Env, walk: Walk): void {
  for (const item of list(items)) declare(item, env, walk);
  for (const item of list(items)) visitFrom(item, { ...env, inFrom: true }, walk);
}

/** The relation a RangeVar names, unless a CTE hides it. */
function relationOf(rangeVar: Tree, ctes: ReadonlySet<string>): Name | undefined {
  const name = rangeName(rangeVar);
  return name.schema === undefined && ctes.has(name.name) ? undefined : name;
}

export function aliasOf(fields: Tree): string | undefined {
  const alias = text(tree(fields["alias"])?.["aliasname"]);
  return alias === "" ? undefined : alias;
}

/** Adds the sources of one item and returns the relations it covers, for the alias of a join around it. */
function declare(item: unknown, env: Env, walk: Walk): readonly Name[] {
  const node = nodeOf(item);
  if (node === undefined) return [];
  if (node.type === "RangeVar") return declareRelation(node.fields, env, walk);
  if (node.type === "JoinExpr") return declareJoin(node.fields, env, walk);
  if (node.type === "RangeTableSample") return declare(node.fields["relation"], env, walk);
  const alias = aliasOf(node.fields);
  if (alias !== undefined) addSource(walk, env.scope, { alias, renamed: false });
  return [];
}

function declareRelation(fields: Tree, env: Env, walk: Walk): readonly Name[] {
  const relation = relationOf(fields, env.ctes);
  const alias = aliasOf(fields) ?? text(fields["relname"]);
  const renamed = hasColumns(fields["alias"]);
  if (relation === undefined) {
    addSource(walk, env.scope, { alias, renamed });
    return [];
  }
  walk.found.relations.push({ ...relation, use: "read" });
  addSource(walk, env.scope, { alias, relation, renamed });
  return [relation];
}

function declareJoin(fields: Tree, env: Env, walk: Walk): readonly Name[] {
  const covered = [...declare(fields["larg"], env, walk), ...declare(fields["rarg"], env, walk)];
  for (const key of ["alias", "join_using_alias"]) {
    const alias = text(tree(fields[key])?.["aliasname"]);
    if (alias === "") continue;
    for (const relation of covered)
      addSource(walk, env.scope, { alias, relation, renamed: hasColumns(fields[key]) });
  }
  return covered;
}

function visitFrom(item: unknown, env: Env, walk: Walk): void {
  const node = nodeOf(item);
  if (node === undefined || node.type === "RangeVar") return;
  if (node.type === "JoinExpr") {
    visitJoin(node.fields, env, walk);
    return;
  }
  if (node.type === "RangeTableSample") {
    visitFrom(node.fields["relation"], env, walk);
    walk.visit(node.fields["args"], env);
    walk.visit(node.fields["repeatable"], env);
    return;
  }
  walk.visit(item, env);
}

function visitJoin(fields: Tree, env: Env, walk: Walk): void {
  visitFrom(fields["larg"], env, walk);
  visitFrom(fields["rarg"], env, walk);
  const use = { scope: env.scope, place: "expression", natural: true } as const;
  for (const name of strings(fields["usingClause"]))
    walk.found.columns.push({ ...use, fields: [name], star: false });
  if (fields["isNatural"] === true) walk.found.columns.push({ ...use, fields: [], star: true });
  walk.visit(fields["quals"], { ...env, place: "condition" });
}

function hasColumns(alias: unknown): boolean {
  return list(tree(alias)?.["colnames"]).length > 0;
}
