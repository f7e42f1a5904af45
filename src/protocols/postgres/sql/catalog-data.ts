import { z } from "zod";
import type { Name } from "./facts.ts";

/** A target's names, as classification looks them up. OIDs are plain numbers. */
export interface CatalogData {
  /** Schemas that unqualified names are looked for in, in order. */
  readonly path: readonly string[];
  readonly relations: ReadonlyMap<number, Relation>;
  readonly routines: ReadonlyMap<number, Routine>;
  /** `[child, parent]` of inheritance and partitions. */
  readonly inherits: readonly (readonly [number, number])[];
  /** `[relation, column, column it is computed from]`. */
  readonly generated: readonly (readonly [number, number, number])[];
  readonly views: readonly View[];
  /** Relations with rewrite rules of their own: writing to them does something else. */
  readonly ruled: ReadonlySet<number>;
  /** Relations whose rows take or change rows of others with them when they are deleted. */
  readonly cascading: ReadonlySet<number>;
  relation(name: Name): Relation | undefined;
  view(oid: number): View | undefined;
  /** All routines that a call by this name may mean. */
  called(name: Name): readonly Routine[];
  operator(name: Name): readonly Routine[];
  /** Routines that a cast to this type may run. */
  cast(name: Name): readonly Routine[];
  /** Sets of attribute numbers that identify a row. */
  keys(relation: number): readonly (readonly number[])[];
}

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly kind: string;
  /** By name, in order of attribute number. */
  readonly columns: ReadonlyMap<string, { readonly attribute: number; readonly generated: boolean }>;
}

export interface Routine {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly volatility: "i" | "s" | "v";
  readonly language: string;
  readonly definer: boolean;
  readonly kind: string;
  readonly extension: string | null;
  /** Whether `(row).name` could call it. */
  readonly attribute: boolean;
  /** What an aggregate runs for each row. */
  readonly runs: readonly number[];
}

export interface View {
  readonly oid: number;
  readonly definition: string;
  readonly relations: readonly number[];
  /** Where its columns come from, in order; undefined when it cannot be described. */
  origins?: readonly ColumnOrigin[] | undefined;
}

export interface ColumnOrigin {
  readonly name: string;
  readonly tableOid: number;
  readonly attribute: number;
}

const oid = z.int();
const orEmpty = <T extends z.ZodType>(item: T) =>
  z
    .array(item)
    .nullable()
    .transform((list) => list ?? []);
const relation = z.object({
  oid,
  schema: z.string(),
  name: z.string(),
  kind: z.string(),
  columns: orEmpty(z.tuple([z.int(), z.string(), z.string()])),
});
const routine = z.object({
  oid,
  schema: z.string(),
  name: z.string(),
  volatility: z.enum(["i", "s", "v"]),
  language: z.string(),
  definer: z.boolean(),
  kind: z.string(),
  extension: z.string().nullable(),
  attribute: z.boolean(),
});
const view = z.object({
  oid,
  definition: z.string(),
  relations: orEmpty(oid),
});
const answers = z.object({
  path: z.array(z.string()),
  relations: orEmpty(relation),
  inherits: orEmpty(z.tuple([oid, oid])),
  keys: orEmpty(z.tuple([oid, z.array(z.int())])),
  generated: orEmpty(z.tuple([oid, z.int(), z.int()])),
  views: orEmpty(view),
  ruled: orEmpty(oid),
  cascading: orEmpty(oid),
  functions: orEmpty(routine),
  operators: orEmpty(z.tuple([z.string(), z.string(), oid])),
  aggregates: orEmpty(z.tuple([oid, oid])),
  casts: orEmpty(z.tuple([z.string(), z.string(), oid])),
});

/** Builds the lookups from the answers to `queries`; throws when an answer has another shape. */
export function parseCatalog(raw: unknown): CatalogData {
  const parsed = answers.parse(raw);
  const relations = parsed.relations.map(toRelation);
  const runs = grouped(parsed.aggregates, ([aggregate]) => aggregate);
  const routines = parsed.functions.map((f) => ({
    ...f,
    runs: (runs.get(f.oid) ?? []).map(([, run]) => run),
  }));
  const byOid = new Map(routines.map((r) => [r.oid, r]));
  const relationNames = grouped(relations, (r) => r.name);
  const routineNames = grouped(routines, (r) => r.name);
  const operators = grouped(parsed.operators, ([, name]) => name);
  const casts = grouped(parsed.casts, ([, name]) => name);
  const views = new Map(parsed.views.map((v) => [v.oid, v]));
  const keys = grouped(parsed.keys, ([owner]) => owner);
  const inPath = (schema: string, name: Name): boolean =>
    name.schema === undefined ? parsed.path.includes(schema) : name.schema === schema;
  const routinesOf = (
    found: readonly (readonly [string, string, number])[],
    name: Name,
  ): readonly Routine[] =>
    found.flatMap(([schema, , run]) => {
      const known = inPath(schema, name) ? byOid.get(run) : undefined;
      return known === undefined ? [] : [known];
    });
  return {
    path: parsed.path,
    relations: new Map(relations.map((r) => [r.oid, r])),
    routines: byOid,
    inherits: parsed.inherits,
    generated: parsed.generated,
    views: parsed.views,
    ruled: new Set(parsed.ruled),
    cascading: new Set(parsed.cascading),
    relation: (name) => nearest(relationNames.get(name.name) ?? [], name, parsed.path),
    view: (id) => views.get(id),
    called: (name) => (routineNames.get(name.name) ?? []).filter((r) => inPath(r.schema, name)),
    operator: (name) => routinesOf(operators.get(name.name) ?? [], name),
    cast: (name) => routinesOf(casts.get(name.name) ?? [], name),
    keys: (owner) => (keys.get(owner) ?? []).map(([, columns]) => columns),
  };
}

function toRelation(raw: z.infer<typeof relation>): Relation {
  const columns = raw.columns.map(
    ([attribute, name, generated]) => [name, { attribute, generated: generated !== "" }] as const,
  );
  return { oid: raw.oid, schema: raw.schema, name: raw.name, kind: raw.kind, columns: new Map(columns) };
}

function nearest(found: readonly Relation[], name: Name, path: readonly string[]): Relation | undefined {
  if (name.schema !== undefined) return found.find((r) => r.schema === name.schema);
  for (const schema of path) {
    const hit = found.find((r) => r.schema === schema);
    if (hit !== undefined) return hit;
  }
  return undefined;
}

function grouped<T, K>(items: readonly T[], key: (item: T) => K): ReadonlyMap<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
