import type { MaskPlan } from "../../../core/masking/plan.ts";
import type { How } from "../../../core/masking/rule.ts";
import type { CatalogData, Relation, View } from "./catalog-data.ts";

/** Which columns of which relations are masked, those of views and partitions and computed ones included. */
export interface Masks {
  readonly any: boolean;
  readonly mode: "strict" | "lenient";
  column(tableOid: number, attribute: number): How | undefined;
  /** Masked columns of a relation by name, or undefined when it has none. */
  of(relation: Relation): ReadonlyMap<string, How> | undefined;
  /** Columns that hold statement texts: masked in output, but conditions may look at them. */
  isStatementText(relation: Relation, column: string): boolean;
}

/** Applies the plan's column rules to the catalog and lets them spread until nothing changes. */
export function spread(data: CatalogData, plan: MaskPlan): Masks {
  const marks = new Map<number, Map<number, How>>();
  for (const relation of data.relations.values()) markByRule(relation, plan, marks);
  for (let changed = true; changed; ) {
    changed = data.views.map((view) => markView(view, data, marks)).includes(true);
    changed = data.inherits.map(([a, b]) => share(data, a, b, marks)).includes(true) || changed;
    changed = data.generated.map((link) => markComputed(link, marks)).includes(true) || changed;
  }
  const names = new Map<number, ReadonlyMap<string, How>>();
  for (const [oid, columns] of marks) names.set(oid, byName(data.relations.get(oid), columns));
  return {
    any: plan.hasColumns,
    mode: plan.rules.mode,
    column: (tableOid, attribute) => markOf(marks, tableOid, attribute),
    of: (relation) => names.get(relation.oid),
    isStatementText: (relation, column) => statementTexts.has(`${relation.name}.${column}`),
  };
}

/** Catalog columns that hold secrets of the server itself: masked always. */
const secrets: ReadonlySet<string> = new Set(
  `pg_authid.rolpassword pg_shadow.passwd pg_user_mapping.umoptions pg_user_mappings.umoptions
  pg_foreign_server.srvoptions pg_subscription.subconninfo pg_stat_wal_receiver.conninfo pg_largeobject.data
  user_mapping_options.option_value foreign_server_options.option_value _pg_user_mappings.umoptions
  _pg_foreign_servers.srvoptions`.split(/\s+/),
);

/** Catalog columns that hold samples of the data: masked where any column is. */
const samples: ReadonlySet<string> = new Set(
  `pg_stats.most_common_vals pg_stats.histogram_bounds pg_stats.most_common_elems
  pg_statistic.stavalues1 pg_statistic.stavalues2 pg_statistic.stavalues3 pg_statistic.stavalues4
  pg_statistic.stavalues5 pg_stats_ext.most_common_vals pg_stats_ext_exprs.most_common_vals
  pg_stats_ext_exprs.histogram_bounds pg_stats_ext_exprs.most_common_elems pg_statistic_ext_data.stxdmcv
  pg_statistic_ext_data.stxdexpr pg_attribute.attmissingval`.split(/\s+/),
);

/** Catalog columns that hold the statements of others, literals included: masked where any column is. */
const statementTexts: ReadonlySet<string> = new Set(
  `pg_stat_activity.query pg_prepared_statements.statement pg_cursors.statement
  pg_stat_statements.query`.split(/\s+/),
);

function markByRule(relation: Relation, plan: MaskPlan, marks: Map<number, Map<number, How>>): void {
  const system = relation.schema === "pg_catalog" || relation.schema === "information_schema";
  for (const [name, { attribute }] of relation.columns) {
    const key = `${relation.name}.${name}`;
    const builtIn =
      (system && secrets.has(key)) || (plan.hasColumns && (samples.has(key) || statementTexts.has(key)));
    const how = system ? undefined : plan.column(relation.schema, relation.name, name);
    if (how !== undefined || builtIn) mark(marks, relation.oid, attribute, how ?? "redact");
  }
}

/**
 * A view's bare columns take the mask of where they come from. Its expressions are masked whole when anything it reads
 * has a mask, since what they are made of does not show.
 */
function markView(view: View, data: CatalogData, marks: Map<number, Map<number, How>>): boolean {
  const reads = view.relations.flatMap((oid) => [...(marks.get(oid)?.values() ?? [])]);
  const relation = data.relations.get(view.oid);
  if (relation === undefined || reads.length === 0) return false;
  let changed = false;
  let position = 0;
  for (const { attribute } of relation.columns.values()) {
    const origin = view.origins?.[position++];
    const bare = origin !== undefined && origin.tableOid !== 0;
    const how = bare ? markOf(marks, origin.tableOid, origin.attribute) : "redact";
    if (how !== undefined) changed = mark(marks, view.oid, attribute, how) || changed;
  }
  return changed;
}

/** Attribute 0 is a whole row in one value: masked whole when any of its columns is. */
function markOf(
  marks: ReadonlyMap<number, ReadonlyMap<number, How>>,
  tableOid: number,
  attribute: number,
): How | undefined {
  const columns = marks.get(tableOid);
  if (attribute === 0 && columns !== undefined && columns.size > 0) return "redact";
  return columns?.get(attribute);
}

/** A partition shows the rows of its parent and the parent those of its partitions: names agree by definition. */
function share(data: CatalogData, one: number, other: number, marks: Map<number, Map<number, How>>): boolean {
  return copyMarks(data, one, other, marks) || copyMarks(data, other, one, marks);
}

function copyMarks(
  data: CatalogData,
  from: number,
  to: number,
  marks: Map<number, Map<number, How>>,
): boolean {
  const [source, target] = [data.relations.get(from), data.relations.get(to)];
  if (source === undefined || target === undefined) return false;
  let changed = false;
  for (const [name, how] of byName(source, marks.get(from) ?? new Map())) {
    const column = target.columns.get(name);
    if (column !== undefined) changed = mark(marks, to, column.attribute, how) || changed;
  }
  return changed;
}

function markComputed(
  [oid, attribute, from]: readonly [number, number, number],
  marks: Map<number, Map<number, How>>,
): boolean {
  return marks.get(oid)?.has(from) === true && mark(marks, oid, attribute, "redact");
}

function mark(marks: Map<number, Map<number, How>>, oid: number, attribute: number, how: How): boolean {
  const columns = marks.get(oid) ?? new Map<number, How>();
  marks.set(oid, columns);
  if (columns.has(attribute)) return false;
  columns.set(attribute, how);
  return true;
}

function byName(relation: Relation | undefined, columns: ReadonlyMap<number, How>): ReadonlyMap<string, How> {
  const names = new Map<string, How>();
  for (const [name, { attribute }] of relation?.columns ?? []) {
    const how = columns.get(attribute);
    if (how !== undefined) names.set(name, how);
  }
  return names;
}
