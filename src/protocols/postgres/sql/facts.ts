import type { Effect, Refusal } from "../../../core/session/operation.ts";
import type { RowChange, StatementAction } from "../statement.ts";

/** What the worker says of a query string without knowing the catalog: plain data, names as written. */
export type Facts =
  | { readonly kind: "parsed"; readonly statements: readonly StatementFacts[]; readonly hidden: boolean }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export interface StatementFacts {
  readonly node: string;
  /** By syntax alone; functions and masks can only worsen it. */
  readonly effect: Effect;
  readonly traits: readonly string[];
  readonly refusal?: Refusal;
  readonly does: OuterAction | InnerAction;
  readonly writes?: RowChange;
  readonly relations: readonly RelationUse[];
  readonly functions: readonly Name[];
  readonly operators: readonly Name[];
  /** Syntax of a newer grammar, which an older server takes for a call of this name. */
  readonly constructs: readonly string[];
  /** Types named in casts and column definitions. */
  readonly types: readonly Name[];
  /** `scopes[i].parent < i`; a column is looked for in its scope, then outwards. */
  readonly scopes: readonly Scope[];
  readonly columns: readonly ColumnUse[];
  /** Names in `(x).name`: a field, or a function of one argument in field notation. */
  readonly attributes: readonly string[];
  /** For each UPDATE and DELETE: how WHERE limits the target's rows. */
  readonly bounds: readonly Bound[];
  /** For COPY of a table to the client: the relation and the columns as written, empty for all. */
  readonly copied?: Name & { readonly columns: readonly string[] };
}

export type OuterAction = Exclude<StatementAction, { readonly kind: "prepare" | "declare" }>;

/** PREPARE and DECLARE: the facts are those of the inner statement. */
export type InnerAction =
  | { readonly kind: "prepare"; readonly name: string }
  | { readonly kind: "declare"; readonly name: string; readonly binary: boolean; readonly hold: boolean };

export interface Name {
  readonly schema?: string;
  readonly name: string;
}

/** `write`: rows are changed; `lock`: locked; `define`: the object itself is changed or dropped. */
export interface RelationUse extends Name {
  readonly use: "read" | "write" | "lock" | "define" | "copy";
}

export interface Scope {
  /** -1 for the outermost. */
  readonly parent: number;
  /** It stands in the FROM of its parent, where not all of the parent's sources are in sight. */
  readonly inFrom: boolean;
  readonly sources: readonly Source[];
}

/** One name in FROM. Without `relation` it is a CTE, a subquery or a function: nothing masked can come out of it. */
export interface Source {
  readonly alias: string;
  readonly relation?: Name;
  /** An alias with a column list: names no longer tell which column is meant. */
  readonly renamed: boolean;
}

/**
 * `output`: a bare column that the client receives with its origin. `condition`: inside WHERE, ON or HAVING.
 * `expression`: anywhere else.
 */
export type Place = "output" | "condition" | "expression";

export interface ColumnUse {
  readonly scope: number;
  /** `a.b.c` as written; for a star the qualifiers only. */
  readonly fields: readonly string[];
  readonly star: boolean;
  readonly place: Place;
  /** It stands in the FROM of its scope: in ON, in a function's arguments. */
  readonly inFrom?: boolean;
  /** A name in USING, or all that NATURAL joins: merged from every source of the scope, so without origin. */
  readonly natural?: boolean;
  /** Of a star only the column at this place, counted from 1. */
  readonly nth?: number;
}

export interface Bound {
  readonly target: Name;
  readonly kind: "none" | "trivial" | "columns" | "cursor";
  /** Set for DELETE, which may cascade. */
  readonly deletes?: boolean;
  /** The target's columns that are compared with at most ten constants or parameters. */
  readonly columns: readonly string[];
}
