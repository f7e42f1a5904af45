/**
 * Each answers with one JSON text. System schemas are left out where only the owner's own objects matter; names that a
 * role could shadow are qualified.
 */
export const queries = {
  path: `select pg_catalog.to_json(pg_catalog.current_schemas(true))::text`,
  relations: `select pg_catalog.json_agg(r)::text from (
    select c.oid::int8 as oid, n.nspname as schema, c.relname as name, c.relkind as kind,
      (select pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname, a.attgenerated) order by a.attnum)
        from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') and n.nspname !~ '^pg_toast') r`,
  inherits: `select pg_catalog.json_agg(pg_catalog.json_build_array(inhrelid::int8, inhparent::int8))::text
    from pg_catalog.pg_inherits`,
  keys: `select pg_catalog.json_agg(pg_catalog.json_build_array(i.indrelid::int8, (select pg_catalog.array_agg(k)
      from pg_catalog.unnest(i.indkey::int2[]) with ordinality u(k, n) where n <= i.indnkeyatts)))::text
    from pg_catalog.pg_index i where i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is null`,
  generated: `select pg_catalog.json_agg(g)::text from (
    select pg_catalog.json_build_array(ad.adrelid::int8, ad.adnum, d.refobjsubid) as g
    from pg_catalog.pg_attrdef ad
    join pg_catalog.pg_attribute a on a.attrelid = ad.adrelid and a.attnum = ad.adnum and a.attgenerated <> ''
    join pg_catalog.pg_depend d on d.refobjid = ad.adrelid and d.refobjsubid > 0
      and ((d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass and d.objid = ad.oid)
        or (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objid = ad.adrelid and d.objsubid = ad.adnum))
    where d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjsubid <> ad.adnum) s`,
  views: `select pg_catalog.json_agg(v)::text from (
    select c.oid::int8 as oid, pg_catalog.rtrim(pg_catalog.pg_get_viewdef(c.oid), ';') as definition,
      (select pg_catalog.json_agg(distinct d.refobjid::int8) from pg_catalog.pg_rewrite w
        join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
          and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid <> c.oid
        where w.ev_class = c.oid) as relations
    from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
      and not exists (select from pg_catalog.pg_depend x where x.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
        and x.objid = c.oid and x.deptype = 'e')) v`,
  ruled: `select pg_catalog.json_agg(distinct w.ev_class::int8)::text from pg_catalog.pg_rewrite w
    where w.rulename <> '_RETURN' and w.oid >= 16384`,
  cascading: `select pg_catalog.json_agg(distinct confrelid::int8)::text from pg_catalog.pg_constraint
    where contype = 'f' and confdeltype in ('c', 'n', 'd')`,
  functions: `select pg_catalog.json_agg(f)::text from (
    select p.oid::int8 as oid, n.nspname as schema, p.proname as name, p.provolatile as volatility, l.lanname as language,
      p.prosecdef as definer, p.prokind as kind, e.extname as extension,
      p.pronargs = 1 and exists (select from pg_catalog.pg_type t where t.oid = any (p.proargtypes)
        and (t.typtype in ('c', 'p') or t.oid = 2249)) as attribute
    from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    join pg_catalog.pg_language l on l.oid = p.prolang
    left join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objid = p.oid
      and d.deptype = 'e' and d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    left join pg_catalog.pg_extension e on e.oid = d.refobjid) f`,
  operators: `select pg_catalog.json_agg(pg_catalog.json_build_array(n.nspname, o.oprname, o.oprcode::oid::int8))::text
    from pg_catalog.pg_operator o join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
    where n.nspname <> 'pg_catalog' and o.oprcode <> 0`,
  aggregates: `select pg_catalog.json_agg(pg_catalog.json_build_array(a.aggfnoid::oid::int8, f.oid::int8))::text
    from pg_catalog.pg_aggregate a join pg_catalog.pg_proc p on p.oid = a.aggfnoid
    join pg_catalog.pg_namespace n on n.oid = p.pronamespace and n.nspname <> 'pg_catalog'
    join pg_catalog.pg_proc f on f.oid in (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggminvtransfn)`,
  casts: `select pg_catalog.json_agg(c)::text from (
    select pg_catalog.json_build_array(n.nspname, t.typname, k.castfunc::oid::int8) as c
    from pg_catalog.pg_cast k join pg_catalog.pg_type t on t.oid = k.casttarget
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    where k.castfunc <> 0 and k.oid >= 16384
    union all
    select pg_catalog.json_build_array(n.nspname, t.typname, d.refobjid::int8)
    from pg_catalog.pg_constraint k join pg_catalog.pg_type t on t.oid = k.contypid
    join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and d.objid = k.oid
      and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
    where k.contypid <> 0) s`,
} as const;
