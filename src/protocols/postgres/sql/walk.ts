import { IhcError } from "../../../base/errors.ts";
import { type Effect, type Refusal, worst } from "../../../core/session/operation.ts";
import type { RowChange } from "../statement.ts";
import type { Bound, ColumnUse, Name, Place, RelationUse, Scope, Source } from "./facts.ts";
import { inert } from "./kinds.ts";
import { isTree, list, nodeOf, strings, type Tree, text, tree } from "./tree.ts";

/** Where the walk stands. */
export interface Env {
  readonly scope: number;
  /** Names of the CTEs in sight, which hide relations. */
  readonly ctes: ReadonlySet<string>;
  readonly place: Place;
  /** Whether what this query returns reaches the client with its origin. */
  readonly client: boolean;
  /** In the FROM of the scope: what is in sight depends on the place. */
  readonly inFrom: boolean;
}

/** What the walk gathers. */
export interface Found {
  effect: Effect;
  readonly traits: Set<string>;
  readonly relations: RelationUse[];
  readonly functions: Name[];
  readonly operators: Name[];
  readonly constructs: string[];
  readonly types: Name[];
  readonly attributes: string[];
  readonly scopes: (Scope & { readonly sources: Source[] })[];
  readonly columns: ColumnUse[];
  readonly bounds: Bound[];
  refusal?: Refusal;
  writes?: RowChange;
  /** The relation that COPY sends to the client. */
  copied?: Name & { readonly columns: readonly string[] };
}

export type Handler = (fields: Tree, env: Env, walk: Walk) => void;

export interface Walk {
  readonly found: Found;
  visit(value: unknown, env: Env): void;
}

/** Deeper trees than the brackets allow come from chains of operators; V8's stack would end first otherwise. */
const deepest = 2_000;

/** A walk over whole trees: handlers for the nodes that mean something, inert nodes passed through, others unknown. */
export function walker(handlers: Readonly<Record<string, Handler>>): Walk {
  const found = nothing();
  let depth = 0;
  const walk: Walk = {
    found,
    visit(value, env) {
      if (++depth > deepest) throw new IhcError("too-large", "the statement nests too deeply");
      step(value, env);
      depth--;
    },
  };
  const step = (value: unknown, env: Env): void => {
    if (Array.isArray(value)) {
      for (const item of value) walk.visit(item, env);
      return;
    }
    stepInto(value, env);
  };
  const stepInto = (value: unknown, env: Env): void => {
    const node = nodeOf(value);
    if (node === undefined) {
      if (isTree(value)) visitFields(value, env, walk);
      return;
    }
    const handler = Object.hasOwn(handlers, node.type) ? handlers[node.type] : undefined;
    if (handler !== undefined) handler(node.fields, env, walk);
    else {
      if (!inert.has(node.type)) raise(found, "unknown", "unknown-node");
      visitFields(node.fields, env, walk);
    }
  };
  return walk;
}

/** Goes on into every field; a type's name is noted wherever one stands. */
export function visitFields(fields: Tree, env: Env, walk: Walk, skip: readonly string[] = []): void {
  for (const [key, value] of Object.entries(fields)) {
    if (skip.includes(key)) continue;
    if (key === "typeName" || key === "typename") noteType(value, walk.found);
    else if (typeof value === "object") walk.visit(value, env);
  }
}

export function noteType(value: unknown, found: Found): void {
  const name = nameOf(tree(value)?.["names"]);
  if (name !== undefined) found.types.push(name);
}

export function noteOperator(value: unknown, walk: Walk): void {
  const operator = nameOf(value);
  if (operator !== undefined) walk.found.operators.push(operator);
}

/** `schema.name` or `name`; a database name in front is dropped. */
export function nameOf(value: unknown): Name | undefined {
  const parts = strings(value);
  const name = parts.at(-1);
  const schema = parts.at(-2);
  if (name === undefined) return undefined;
  return schema === undefined ? { name } : { schema, name };
}

/** The relation a RangeVar names, as written. */
export function rangeName(fields: Tree): Name {
  const schema = text(fields["schemaname"]);
  const name = text(fields["relname"]);
  return schema === "" ? { name } : { schema, name };
}

export function raise(found: Found, effect: Effect, ...traits: readonly string[]): void {
  found.effect = worst(found.effect, effect);
  for (const trait of traits) found.traits.add(trait);
}

export function openScope(walk: Walk, { scope, inFrom }: Env): number {
  walk.found.scopes.push({ parent: scope, inFrom, sources: [] });
  return walk.found.scopes.length - 1;
}

export function addSource(walk: Walk, scope: number, source: Source): void {
  walk.found.scopes[scope]?.sources.push(source);
}

/** Declares the CTEs of a WITH clause in order and visits their bodies; returns the names now in sight. */
export function enterWith(value: unknown, env: Env, walk: Walk): ReadonlySet<string> {
  const clause = tree(value);
  if (clause === undefined) return env.ctes;
  const bodies = list(clause["ctes"]).map((item) => nodeOf(item)?.fields ?? {});
  const names = bodies.map((cte) => String(cte["ctename"]));
  let ctes = new Set(env.ctes);
  if (clause["recursive"] === true) ctes = new Set([...ctes, ...names]);
  bodies.forEach((cte, i) => {
    walk.visit(cte["ctequery"], { ...env, ctes, place: "expression", client: false });
    ctes = new Set([...ctes, names[i] ?? ""]);
  });
  return ctes;
}

function nothing(): Found {
  return {
    effect: "read",
    traits: new Set(),
    relations: [],
    functions: [],
    operators: [],
    constructs: [],
    types: [],
    attributes: [],
    scopes: [],
    columns: [],
    bounds: [],
  };
}
