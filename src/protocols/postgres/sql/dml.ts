import { boundOf } from "./bounds.ts";
import type { Name } from "./facts.ts";
import { aliasOf, enterFrom } from "./from.ts";
import { visitTargets } from "./select.ts";
import { fieldsOf, list, strings, type Tree, text, tree } from "./tree.ts";
import { addSource, type Env, enterWith, openScope, raise, rangeName, type Walk } from "./walk.ts";

export function insert(fields: Tree, env: Env, walk: Walk): void {
  const inner = enterTarget(fields, env, walk);
  walk.visit(fields["selectStmt"], { ...inner, scope: env.scope, inFrom: env.inFrom });
  visitAssigned(fields["cols"], inner, walk);
  const conflict = tree(fields["onConflictClause"]);
  if (conflict !== undefined) {
    addSource(walk, inner.scope, { alias: "excluded", renamed: false });
    visitAssigned(conflict["targetList"], inner, walk);
    walk.visit(conflict["infer"], inner);
    walk.visit(conflict["whereClause"], { ...inner, place: "condition" });
  }
  returning(fields, env, inner, walk);
}

export function update(fields: Tree, env: Env, walk: Walk): void {
  const inner = enterTarget(fields, env, walk);
  enterFrom(fields["fromClause"], inner, walk);
  visitAssigned(fields["targetList"], inner, walk);
  where(fields, "fromClause", inner, walk);
  returning(fields, env, inner, walk);
}

export function remove(fields: Tree, env: Env, walk: Walk): void {
  const inner = enterTarget(fields, env, walk);
  enterFrom(fields["usingClause"], inner, walk);
  where(fields, "usingClause", inner, walk, true);
  returning(fields, env, inner, walk);
}

export function merge(fields: Tree, env: Env, walk: Walk): void {
  const inner = enterTarget(fields, env, walk);
  raise(walk.found, "write", "unbounded");
  enterFrom([fields["sourceRelation"]], inner, walk);
  walk.visit(fields["joinCondition"], { ...inner, place: "condition" });
  for (const item of list(fields["mergeWhenClauses"])) {
    const clause = fieldsOf(item, "MergeWhenClause") ?? {};
    walk.visit(clause["condition"], { ...inner, place: "condition" });
    visitAssigned(clause["targetList"], inner, walk);
    walk.visit(clause["values"], inner);
  }
  returning(fields, env, inner, walk);
}

function enterTarget(fields: Tree, env: Env, walk: Walk): Env {
  raise(walk.found, "write");
  if (!env.client) walk.found.writes = "uncounted";
  walk.found.writes ??= "counted";
  const ctes = enterWith(fields["withClause"], env, walk);
  const scope = openScope(walk, env);
  const relation = targetOf(fields);
  walk.found.relations.push({ ...relation, use: "write" });
  addSource(walk, scope, {
    alias: aliasOf(tree(fields["relation"]) ?? {}) ?? relation.name,
    relation,
    renamed: false,
  });
  return { scope, ctes, place: "expression", client: false, inFrom: false };
}

/** A target is never a CTE. */
function targetOf(fields: Tree): Name {
  return rangeName(tree(fields["relation"]) ?? {});
}

function where(fields: Tree, others: string, env: Env, walk: Walk, deletes = false): void {
  walk.visit(fields["whereClause"], { ...env, place: "condition" });
  const target = targetOf(fields);
  const alias = aliasOf(tree(fields["relation"]) ?? {}) ?? target.name;
  const bound = boundOf(fields["whereClause"], target, alias, list(fields[others]).length > 0);
  walk.found.bounds.push({ ...bound, deletes });
}

/** What is assigned is an expression; the name assigned to is not a read. */
function visitAssigned(targets: unknown, env: Env, walk: Walk): void {
  for (const target of list(targets)) {
    const fields = fieldsOf(target, "ResTarget") ?? {};
    walk.visit(fields["val"], env);
    walk.visit(fields["indirection"], env);
  }
}

/** Bare RETURNING columns keep their origin, but `old` and `new` rows are not trusted to. */
function returning(fields: Tree, env: Env, inner: Env, walk: Walk): void {
  const clause = tree(fields["returningClause"]);
  if (clause === undefined) return;
  const options = list(clause["options"]).map((o) => text(fieldsOf(o, "ReturningOption")?.["value"]));
  const versions = ["old", "new", ...options];
  for (const alias of versions)
    addSource(walk, inner.scope, { alias, relation: targetOf(fields), renamed: false });
  for (const target of list(clause["exprs"])) {
    const value = fieldsOf(fieldsOf(target, "ResTarget")?.["val"], "ColumnRef");
    const versioned = versions.includes(strings(value?.["fields"])[0] ?? "");
    visitTargets([target], inner, env.client && !versioned, walk);
  }
}
