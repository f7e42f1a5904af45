import type { Found, Names, Prepared } from "./names.ts";
import { asInner, asNested, asUnknown } from "./operation.ts";
import type { Portal } from "./portal.ts";
import type { Classified, Statement } from "./statement.ts";

export type Change = "catalog" | "settings";

/** What SQL statements do to names and to the catalog: proposed when sent, settled when the server says so. */
export interface ActionContext {
  readonly statements: Names<Prepared>;
  readonly portals: Names<Portal>;
  readonly batch: number;
  /** The query string that the statement stands in, and how to find it again there. */
  readonly sql: string;
  readonly pick: (classified: Classified) => Statement | undefined;
  /** The meaning of names has changed: for everyone (`catalog`), or for this connection (`settings`). */
  readonly changed: (what: Change) => void;
}

/** Proposes what `statement` does; the returned function settles it. */
export function proposeAction(statement: Statement, at: ActionContext): (() => void) | undefined {
  const { does } = statement;
  const { statements, portals, batch } = at;
  switch (does.kind) {
    case "prepare":
      return put(statements, does.name, preparedBy(at), batch);
    case "declare":
      return put(portals, does.name, cursor(does.inner, does.hold ?? false, at.sql), batch);
    case "deallocate":
      return does.name === "*" ? clear(statements, batch) : put(statements, does.name, undefined, batch);
    case "close":
      return does.name === "*" ? clear(portals, batch) : put(portals, does.name, undefined, batch);
    case "discard-all": {
      const settles = [clear(statements, batch), clear(portals, batch)];
      return () => {
        for (const settle of settles) settle();
        at.changed("settings");
      };
    }
    default: {
      const what = changeOf(statement);
      return what && (() => at.changed(what));
    }
  }
}

/** Whether what comes after it may mean something else than before. */
export function changeOf({ does, effect, node }: Statement): Change | undefined {
  if (does.kind === "ddl" || effect === "admin" || effect === "unknown") return "catalog";
  if (does.kind === "rollback-to") return "catalog";
  return does.kind === "discard-all" || node.startsWith("VariableSet") ? "settings" : undefined;
}

/** What EXECUTE or FETCH names at this moment; undefined for other statements and for names without meaning. */
export function meaning(
  { does }: Statement,
  { statements, portals, batch }: Pick<ActionContext, "statements" | "portals" | "batch">,
): Found<Prepared | Portal> {
  if (does.kind === "execute") return statements.find(does.name, batch);
  if (does.kind === "fetch") return portals.find(does.name, batch);
  return { known: true, value: undefined };
}

/** Whether a statement runs what a name stands for when it is executed. */
export function isIndirect({ does }: Statement): boolean {
  return does.kind === "execute" || does.kind === "fetch";
}

/**
 * The statement with EXECUTE and FETCH counted as what they run; undefined when that is not certain yet, because a name
 * was changed by something the server has not answered.
 */
export async function resolve(
  statement: Statement,
  at: Pick<ActionContext, "statements" | "portals" | "batch">,
  classify: (sql: string) => Promise<Classified>,
): Promise<Statement | undefined> {
  const { does } = statement;
  if (does.kind === "execute") {
    const found = at.statements.find(does.name, at.batch);
    if (!found.known) return undefined;
    const inner = found.value?.pick(await classify(found.value.sql));
    return behind(statement, inner, "prepared statement", found.value && [found.value.sql]);
  }
  if (does.kind === "fetch") {
    const found = at.portals.find(does.name, at.batch);
    if (!found.known) return undefined;
    return behind(statement, found.value?.statement, "cursor", found.value?.said);
  }
  if (does.kind === "prepare" || does.kind === "declare") return asInner(statement, does.inner);
  return statement;
}

/** What a name stands for, which must be a query. */
function behind(
  own: Statement,
  inner: Statement | undefined,
  what: string,
  said: readonly string[] = [],
): Statement {
  const name = "name" in own.does ? own.does.name : "";
  if (!inner) return asUnknown(own, what, name);
  return isQuery(inner) ? { ...asInner(own, inner), runs: { name, said } } : asNested(own, name);
}

/**
 * What SQL's own PREPARE and DECLARE take. Parse and Bind take more: a statement that does something to names would do it
 * unseen behind EXECUTE, and what EXECUTE runs behind a FETCH may have changed since Bind.
 */
const queries: ReadonlySet<string> = new Set([
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "PrepareStmt",
  "DeclareCursorStmt",
]);

/** The inner statements of PREPARE and DECLARE bear their node, but do nothing to names. */
function isQuery({ node, does }: Statement): boolean {
  return does.kind === "plain" && queries.has(node);
}

function put<T>(names: Names<T>, name: string, value: T | undefined, batch: number): () => void {
  names.propose(name, value, batch);
  return () => {
    names.settle(name, value);
  };
}

function clear<T>(names: Names<T>, batch: number): () => void {
  names.proposeNone(batch);
  return () => {
    names.retain(() => false);
  };
}

function preparedBy(at: ActionContext): Prepared {
  const pick = (classified: Classified): Statement | undefined => {
    const does = at.pick(classified)?.does;
    return does?.kind === "prepare" ? does.inner : undefined;
  };
  return { sql: at.sql, pick, types: [], description: undefined, describedIn: -1 };
}

function cursor(inner: Statement, held: boolean, sql: string): Portal {
  return {
    said: [sql],
    statement: inner,
    operation: undefined,
    prepared: undefined,
    resultFormats: [],
    held,
    description: undefined,
    describedIn: -1,
    result: undefined,
    ended: false,
    act: undefined,
    meant: undefined,
  };
}
