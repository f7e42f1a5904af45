import type { How } from "../../../core/masking/rule.ts";
import { type Effect, type Refusal, worst } from "../../../core/session/operation.ts";
import type { ResultMasking, RowChange, Statement, StatementAction } from "../statement.ts";
import type { CatalogData, Relation, Routine, View } from "./catalog-data.ts";
import { type Exposure, exposure } from "./exposure.ts";
import type { Bound, Name, StatementFacts } from "./facts.ts";
import { judgeRoutine } from "./routines.ts";
import type { Masks } from "./taint.ts";

export interface Context {
  readonly data: CatalogData;
  readonly masks: Masks;
  /** `schema.name` of functions that the target's owner vouches for. */
  readonly allowed: ReadonlySet<string>;
  /** What the views that a statement reaches do, by OID. */
  readonly views: ReadonlyMap<number, StatementFacts>;
}

/** Facts and catalog put together: the statement's verdict. */
export function resolve(facts: StatementFacts, context: Context): Statement {
  const judged = new Judged(facts);
  const exposed = exposure(facts, context.data, context.masks);
  judgeCalls(facts, exposed, context, judged);
  judgeRelations(facts, context, judged);
  for (const bound of facts.bounds) judgeBound(bound, context.data, judged);
  const masking = judgeExposure(facts, exposed, context.masks, judged);
  const does = action(facts, context, judged);
  const resources = [...new Set(facts.relations.map((use) => written(use, context.data)))];
  const values = mayHoldMasked(facts, exposed, context) ? { private: true as const } : {};
  const statement = { ...judged.statement(facts.node, resources, masking), ...values };
  if (does.kind === "prepare" || does.kind === "declare")
    return { ...statement, does: { ...does, inner: { ...statement, does: { kind: "plain" } } } };
  return { ...statement, does };
}

/** Relations named that the catalog does not know: it may be out of date. */
export function missing(facts: StatementFacts, data: CatalogData): readonly string[] {
  const relations = facts.relations.filter((use) => use.use !== "define" && data.relation(use) === undefined);
  const routines = facts.functions.filter((name) => data.called(name).length === 0);
  return [...relations, ...routines].map((name) => `${name.schema ?? ""}.${name.name}`);
}

type Outer = Exclude<StatementAction, { kind: "prepare" | "declare" }>;
type Action = Outer | Extract<StatementFacts["does"], { kind: "prepare" | "declare" }>;

/** What has been found out so far; the first refusal stays. */
class Judged {
  readonly traits: Set<string>;
  effect: Effect;
  refusal: Refusal | undefined;
  writes: RowChange | undefined;

  constructor(facts: StatementFacts) {
    this.effect = facts.effect;
    this.writes = facts.writes;
    this.traits = new Set(facts.traits);
    this.refusal = facts.refusal;
  }

  raise(effect: Effect, traits: readonly string[]): void {
    this.effect = worst(this.effect, effect);
    for (const trait of traits) this.traits.add(trait);
  }

  refuse(rule: string, reason: string, hint: string): void {
    this.refusal ??= { rule, reason, hint };
  }

  statement(node: string, resources: readonly string[], masking: ResultMasking): Omit<Statement, "does"> {
    const { effect, refusal, writes } = this;
    const traits = [...this.traits].sort();
    const plain = { node, effect, resources, traits, masking, ...(writes ? { writes } : {}) };
    return refusal === undefined ? plain : { ...plain, refusal };
  }
}

function judgeCalls(facts: StatementFacts, exposed: Exposure, context: Context, judged: Judged): void {
  const { data } = context;
  for (const name of facts.functions) {
    const routines = data.called(name);
    if (routines.length === 0) judged.raise("unknown", ["unknown-function"]);
    if (name.name === "set_config" && routines.length > 0)
      judged.refuse("guarded-setting", "set_config changes settings that no rule can see", "use SET instead");
    for (const routine of routines) judgeCall(routine, context, judged);
  }
  const hidden = [
    ...facts.operators.flatMap((name) => data.operator(name)),
    ...facts.types.flatMap((name) => data.cast(name)),
    ...facts.constructs.flatMap((name) => data.called({ name })),
    ...exposed.attributes.flatMap((name) => data.called({ name }).filter((routine) => routine.attribute)),
  ];
  for (const routine of hidden) judgeCall(routine, context, judged);
}

function judgeCall(routine: Routine, context: Context, judged: Judged): void {
  const verdict = judgeRoutine(routine, context.allowed);
  judged.raise(verdict.effect, verdict.traits);
  if (verdict.reads && context.masks.any)
    judged.refuse(
      "function-may-read-masked",
      `${routine.schema}.${routine.name} may read masked columns`,
      "query the tables directly, or ask the target's owner to list the function under functions",
    );
  for (const run of routine.runs) {
    const inner = context.data.routines.get(run);
    if (inner !== undefined) judgeCall(inner, context, judged);
  }
}

/** The views that a statement reaches, through other views too. */
export function reachedViews(facts: StatementFacts, data: CatalogData): readonly View[] {
  const reached = new Map<number, View>();
  const visit = (oid: number): void => {
    const view = reached.has(oid) ? undefined : data.view(oid);
    if (view === undefined) return;
    reached.set(oid, view);
    for (const inner of view.relations) visit(inner);
  };
  for (const use of facts.relations) {
    const relation = use.use === "define" ? undefined : data.relation(use);
    if (relation !== undefined) visit(relation.oid);
  }
  return [...reached.values()];
}

/** Views act through the functions they call, rules replace what is written, TOAST tables hold what is masked elsewhere. */
function judgeRelations(facts: StatementFacts, context: Context, judged: Judged): void {
  const { data } = context;
  for (const view of reachedViews(facts, data)) {
    const inner = context.views.get(view.oid);
    if (inner === undefined) judged.raise("unknown", ["unknown-view"]);
    else judgeCalls(inner, exposure(inner, data, context.masks), context, judged);
  }
  for (const use of facts.relations) {
    if (use.use === "define") continue;
    if (context.masks.any && use.schema !== undefined && /^pg_toast/.test(use.schema))
      judged.refuse(
        "masked-column-in-expression",
        "TOAST tables hold parts of masked values",
        "query the table itself",
      );
    const relation = data.relation(use);
    if (relation === undefined) judged.raise("read", ["unknown-relation"]);
    else judgeRelation(relation, use.use === "write", data, judged);
  }
}

function judgeRelation(relation: Relation, written: boolean, data: CatalogData, judged: Judged): void {
  if (written && data.ruled.has(relation.oid)) judged.raise("unknown", ["rewrite-rule"]);
  const { schema, name } = relation;
  if (schema !== "pg_catalog" && schema !== "information_schema") return;
  // Rows of the catalog are definitions, and an UPDATE of pg_settings is SET.
  if (written) judged.raise("admin", ["ddl", name === "pg_settings" ? "guarded-setting" : "catalog-write"]);
  if (fileViews.has(name)) judged.raise("admin", ["function-side-effect", "filesystem"]);
}

/** Views of PostgreSQL's own that read files of the server. */
const fileViews: ReadonlySet<string> = new Set([
  "pg_hba_file_rules",
  "pg_ident_file_mappings",
  "pg_file_settings",
]);

function judgeBound(bound: Bound, data: CatalogData, judged: Judged): void {
  const target = data.relation(bound.target);
  if (bound.deletes && target && data.cascading.has(target.oid)) judged.writes = "uncounted";
  if (bound.kind === "cursor") return;
  if (bound.kind !== "columns") {
    judged.raise("write", ["no-where", "unbounded"]);
    return;
  }
  const relation = data.relation(bound.target);
  if (relation === undefined || !identifies(relation, bound.columns, data))
    judged.raise("write", ["unbounded"]);
}

function identifies(relation: Relation, columns: readonly string[], data: CatalogData): boolean {
  if (columns.includes("ctid")) return true;
  const given = new Set(columns.map((name) => relation.columns.get(name)?.attribute));
  return data
    .keys(relation.oid)
    .some((key) => key.length > 0 && key.every((attribute) => given.has(attribute)));
}

/** It looks for masked values, or brings some: into a relation with masked columns, or one that is not known. */
function mayHoldMasked({ relations }: StatementFacts, exposed: Exposure, { data, masks }: Context): boolean {
  if (!masks.any) return false;
  if (exposed.tested.size + exposed.computed.size > 0) return true;
  return relations.some((use) => {
    const relation = data.relation(use);
    if (relation === undefined) return true;
    return use.use !== "read" && use.use !== "lock" && (masks.of(relation)?.size ?? 0) > 0;
  });
}

function judgeExposure(
  facts: StatementFacts,
  exposed: Exposure,
  masks: Masks,
  judged: Judged,
): ResultMasking {
  const { shown, tested, computed } = exposed;
  if (shown.size + tested.size + computed.size > 0) judged.traits.add("reads-masked-column");
  const offending = masks.mode === "strict" ? new Set([...tested, ...computed]) : computed;
  if (offending.size === 0) return { kind: "origin" };
  const query = facts.node === "SelectStmt" || facts.does.kind === "prepare" || facts.does.kind === "declare";
  if (masks.mode === "lenient" && facts.effect === "read") {
    if (query) return { kind: "whole", how: "redact" };
    if (facts.node === "ExplainStmt") return { kind: "origin" };
  }
  refuseMasked(offending, judged);
  return { kind: "origin" };
}

function refuseMasked(columns: ReadonlySet<string>, judged: Judged): void {
  const names = [...columns].sort();
  const list =
    names.length > 5 ? `${names.slice(0, 5).join(", ")} and ${names.length - 5} more` : names.join(", ");
  judged.refuse(
    "masked-column-in-expression",
    `the statement computes with masked columns: ${list}`,
    "select them as plain columns of one query, which masks them, or leave them out",
  );
}

function action(facts: StatementFacts, context: Context, judged: Judged): Action {
  const { does, copied } = facts;
  if (does.kind !== "copy-out" || copied === undefined) return does;
  const relation = context.data.relation(copied);
  if (relation === undefined) return does;
  const hows = copyColumns(copied.columns, relation, context.masks);
  if (!hows.some((how) => how !== undefined)) return { ...does, columns: hows };
  judged.traits.add("reads-masked-column");
  if (does.format === "binary")
    judged.refuse("masked-column-in-expression", "binary COPY cannot be masked", "copy as text or csv");
  return { ...does, columns: hows };
}

/** COPY without a list sends all columns but the computed ones. */
function copyColumns(
  names: readonly string[],
  relation: Relation,
  masks: Masks,
): readonly (How | undefined)[] {
  const masked = masks.of(relation);
  const all = [...relation.columns].filter(([, column]) => !column.generated).map(([name]) => name);
  return (names.length > 0 ? names : all).map((name) => masked?.get(name));
}

function written(name: Name, data: CatalogData): string {
  const relation = data.relation(name);
  if (relation !== undefined) return `${relation.schema}.${relation.name}`;
  return name.schema === undefined ? name.name : `${name.schema}.${name.name}`;
}
