import { IhcError } from "../../base/errors.ts";
import { compileColumns } from "../../core/masking/columns.ts";
import type { MaskingRules } from "../../core/masking/rule.ts";
import type { Upstream } from "../protocol.ts";
import type { Credential, PostgresSettings } from "./settings.ts";
import { type Link, logIn } from "./upstream.ts";

/** A relation of the owner's schemas with what the role may do to it. */
export interface Relation {
  readonly schema: string;
  readonly name: string;
  readonly view: boolean;
  readonly writable: boolean;
  readonly columns: readonly Column[];
  /** For a view: whether something it reads, directly or not, has masked columns. */
  readonly overMasked: boolean;
}

export interface Column {
  readonly name: string;
  readonly readable: boolean;
  readonly masked: boolean;
}

/** Logs in as one of the target's roles for a look around, read-only. */
export async function visit<T>(
  upstream: Upstream<PostgresSettings>,
  credential: Credential,
  look: (link: Link) => Promise<T>,
): Promise<T> {
  const link = await logIn(upstream.settings, {
    credential,
    secret: (reference) => upstream.secret(reference),
    parameters: new Map([["application_name", "ihc:check"]]),
    signal: AbortSignal.timeout(upstream.settings.connect_timeout),
  });
  try {
    return await look(link);
  } finally {
    link.close();
  }
}

/** Every relation outside the system's schemas. */
export async function relations(link: Link, masking: MaskingRules): Promise<readonly Relation[]> {
  const columnRules = compileColumns(masking.rules);
  const rows = parseRows(await link.ask(relationsQuery));
  const isMasked = (row: RelationRow): boolean =>
    row.columns.some(([name]) => columnRules.column(row.schema, row.name, name) !== undefined);
  const tainted = new Set(rows.filter(isMasked).map(({ oid }) => oid));
  for (let size = -1; size !== tainted.size; ) {
    size = tainted.size;
    for (const row of rows) if (row.reads.some((oid) => tainted.has(oid))) tainted.add(row.oid);
  }
  return rows.map((row) => ({
    schema: row.schema,
    name: row.name,
    view: row.view,
    writable: row.writable,
    overMasked: row.view && row.reads.some((oid) => tainted.has(oid)),
    columns: row.columns.map(([name, readable]) => ({
      name,
      readable,
      masked: columnRules.column(row.schema, row.name, name) !== undefined,
    })),
  }));
}

interface RelationRow {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly view: boolean;
  readonly writable: boolean;
  readonly columns: readonly (readonly [name: string, readable: boolean])[];
  readonly reads: readonly string[];
}

/** One row a column and one a dependency; nothing is aggregated, so any name comes through whole. */
const relationsQuery = `
select 'column', c.oid::text, n.nspname, c.relname, (c.relkind in ('v', 'm'))::text,
  (pg_catalog.has_table_privilege(c.oid, 'insert') or pg_catalog.has_table_privilege(c.oid, 'update')
    or pg_catalog.has_table_privilege(c.oid, 'delete') or pg_catalog.has_table_privilege(c.oid, 'truncate'))::text,
  a.attname, (pg_catalog.has_column_privilege(c.oid, a.attnum, 'select')
    and pg_catalog.has_schema_privilege(n.oid, 'usage'))::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
union all
select distinct 'reads', w.ev_class::text, d.refobjid::text, null, null, null, null, null
from pg_catalog.pg_rewrite w
join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
  and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> w.ev_class
order by 1, 3, 4, 7`;

function parseRows(rows: readonly (readonly (string | null)[])[]): readonly RelationRow[] {
  const found = new Map<string, RelationRow & { columns: [string, boolean][]; reads: string[] }>();
  for (const row of rows) {
    const [kind, oid, schema, name, view, writable, column, readable] = row.map((value) => value ?? "");
    if (oid === undefined || schema === undefined)
      throw new IhcError("unavailable", "the database answered a question with too few columns");
    if (kind === "reads") {
      found.get(oid)?.reads.push(schema);
      continue;
    }
    const relation = found.get(oid) ?? {
      oid,
      schema,
      name: name ?? "",
      view: view === "true",
      writable: writable === "true",
      columns: [],
      reads: [],
    };
    relation.columns.push([column ?? "", readable === "true"]);
    found.set(oid, relation);
  }
  return [...found.values()];
}

export interface RiskyFunction {
  readonly signature: string;
  readonly schema: string;
  readonly name: string;
  readonly arguments: string;
  readonly definer: boolean;
}

/**
 * Functions the role may call that reach files, other servers or large objects, and the owner's SECURITY DEFINER functions,
 * which run with somebody else's rights.
 */
export async function riskyFunctions(link: Link): Promise<readonly RiskyFunction[]> {
  const rows = await link.ask(`
select n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid), p.prosecdef::text
from pg_catalog.pg_proc p
join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.prokind in ('f', 'p') and pg_catalog.has_function_privilege(p.oid, 'execute') and (
  (p.prosecdef and n.nspname !~ '^pg_' and n.nspname <> 'information_schema')
  or p.proname ~ '^(dblink.*|lo_import|lo_export|pg_read_file.*|pg_read_binary_file|pg_ls_.*|pg_stat_file|pg_file_.*|pg_logdir_ls|pg_execute_server_program|pg_reload_conf|pg_rotate_logfile|pg_promote|pg_switch_wal|pg_import_system_collations|get_raw_page)$')
order by 1, 2, 3`);
  return rows.map(([schema, name, list, definer]) => ({
    schema: schema ?? "",
    name: name ?? "",
    arguments: list ?? "",
    signature: `${schema ?? ""}.${name ?? ""}(${list ?? ""})`,
    definer: definer === "true",
  }));
}
