import type { How } from "../../core/masking/rule.ts";
import type { Effect, Refusal } from "../../core/session/operation.ts";

/**
 * What classification says of one statement of a query string: enough for the serve loop to follow names and
 * transactions, and for rows to be masked. Plain data: it crosses from the parser worker and is cached by text.
 */
export interface Statement {
  /** The grammar's name: `SelectStmt`, `TransactionStmt`, … */
  readonly node: string;
  readonly effect: Effect;
  /** `schema.table`, resolved by the catalog; unresolved names as written. */
  readonly resources: readonly string[];
  readonly traits: readonly string[];
  readonly refusal?: Refusal;
  /** Its values may be those of masked columns: it tests or writes such. */
  readonly private?: true;
  /** It changes rows of tables. */
  readonly writes?: RowChange;
  /** For EXECUTE and FETCH: the name and the client's words that gave it its meaning, since the text shows the name only. */
  readonly runs?: { readonly name: string; readonly said: readonly string[] };
  /** How its result must be masked. */
  readonly masking: ResultMasking;
  /** What it does to names and state that the serve loop follows. */
  readonly does: StatementAction;
}

/** Whether a command tag says how many rows are changed: not for WITH, COPY, EXPLAIN ANALYZE and what cascades. */
export type RowChange = "counted" | "uncounted";

/**
 * `origin`: by table OID and attribute number of RowDescription, columns without identity pass through detectors only.
 * `whole`: columns without identity are masked whole (lenient mode, unknown provenance).
 */
export type ResultMasking = { readonly kind: "origin" } | { readonly kind: "whole"; readonly how: How };

export type StatementAction =
  | { readonly kind: "plain" }
  | { readonly kind: "begin" | "commit" | "rollback" | "savepoint" | "release" | "rollback-to" }
  | { readonly kind: "prepare"; readonly name: string; readonly inner: Statement }
  | { readonly kind: "execute"; readonly name: string }
  | { readonly kind: "deallocate"; readonly name: string | "*" }
  /** `hold`: WITH HOLD, the cursor outlives its transaction. */
  | {
      readonly kind: "declare";
      readonly name: string;
      readonly binary: boolean;
      readonly hold?: boolean;
      readonly inner: Statement;
    }
  | { readonly kind: "fetch"; readonly name: string }
  | { readonly kind: "close"; readonly name: string | "*" }
  | { readonly kind: "discard-all" }
  | { readonly kind: "ddl" }
  | { readonly kind: "listen"; readonly channel: string }
  | { readonly kind: "copy-in" }
  /** `columns` in order of output, each masked how, when the text or CSV rows can be masked by position. */
  | {
      readonly kind: "copy-out";
      readonly format: "text" | "csv" | "binary";
      readonly columns?: readonly (How | undefined)[];
      readonly csv?: {
        readonly delimiter: string;
        readonly quote: string;
        readonly escape: string;
        readonly header: boolean;
        readonly null: string;
      };
    };

/** A whole query string, as Query or Parse carries it. */
export interface Classified {
  readonly statements: readonly Statement[];
  /** The worst of all statements. */
  readonly effect: Effect;
  readonly resources: readonly string[];
  readonly traits: readonly string[];
  readonly refusal?: Refusal;
  /** It could not be read, and the target has masked columns. */
  readonly private?: true;
}

/** Judges query strings against one target's catalog. Made per connection by classify, backed by shared caches. */
export interface Classifier {
  /** Synchronous when the text is cached: the hot path awaits nothing. */
  cached(sql: string): Classified | undefined;
  classify(sql: string): Promise<Classified>;
  /** Call after DDL or an error that hints at a changed catalog; drops caches. */
  invalidate(): void;
  /**
   * How a column of a RowDescription is masked, by table OID and attribute number. Attribute 0 is a whole row; a column
   * that is newer than the catalog counts as masked.
   */
  maskedColumn(tableOid: number, attribute: number): How | undefined;
}

/** What Parse of an empty string prepares. */
export const emptyStatement: Statement = {
  node: "EmptyStmt",
  effect: "read",
  resources: [],
  traits: [],
  masking: { kind: "origin" },
  does: { kind: "plain" },
};
