import type { Effect } from "../../../core/session/operation.ts";
import { copyOut } from "./copy.ts";
import { insert, merge, remove, update } from "./dml.ts";
import { expressions } from "./expression.ts";
import type { InnerAction, OuterAction, StatementFacts } from "./facts.ts";
import { kinds } from "./kinds.ts";
import { type Judgement, judgeSet, judgeTransactionModes } from "./settings.ts";
import { constant, fieldsOf, list, nodeOf, strings, type Tree, text, tree } from "./tree.ts";
import { type Env, raise, rangeName, type Walk, walker } from "./walk.ts";

type Action = OuterAction | InnerAction;
type Judge = (fields: Tree, walk: Walk) => Action;

const outermost: Env = { scope: -1, ctes: new Set(), place: "expression", client: true, inFrom: false };
const inside: Env = { ...outermost, client: false };
const queries: ReadonlySet<string> = new Set([
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
]);
const plain: Action = { kind: "plain" };
/** It may change the catalog. */
const changing: Action = { kind: "ddl" };

/** Reads one statement: its effect by syntax, what it does to the session, and every name in it. */
export function judge(statement: unknown): StatementFacts {
  const node = nodeOf(statement) ?? { type: "", fields: {} };
  const walk = walker({
    ...expressions,
    InsertStmt: insert,
    UpdateStmt: update,
    DeleteStmt: remove,
    MergeStmt: merge,
  });
  const does = judgeInto(node.type, node.fields, walk);
  const { traits, ...found } = walk.found;
  return { node: node.type, does, ...found, traits: [...traits] };
}

function judgeInto(type: string, fields: Tree, walk: Walk): Action {
  const special = Object.hasOwn(judges, type) ? judges[type] : undefined;
  if (special !== undefined) return special(fields, walk);
  const kind = kinds.get(type);
  if (kind === undefined) {
    raise(walk.found, "unknown", "unknown-statement");
    return plain;
  }
  if (queries.has(type)) walk.visit({ [type]: fields }, outermost);
  if (kind.traits.includes("ddl")) define(fields, walk);
  raise(walk.found, kind.effect, ...kind.traits);
  return walk.found.traits.has("ddl") ? changing : plain;
}

/** Definitions hold nodes that mean nothing outside them, so `unknown` is not counted; their queries are. */
function define(fields: Tree, walk: Walk): void {
  const before: Effect = walk.found.effect;
  walk.visit(fields, inside);
  walk.found.effect = before;
  walk.found.traits.clear();
  for (const key of ["relation", "view", "sequence", "table"]) {
    const relation = tree(fields[key]);
    if (relation?.["relname"] !== undefined)
      walk.found.relations.push({ ...rangeName(relation), use: "define" });
  }
  for (const item of list(fields["cmds"])) {
    const subtype = text(fieldsOf(item, "AlterTableCmd")?.["subtype"]);
    if (/^AT_(Drop|Detach)/.test(subtype)) raise(walk.found, "destroy");
  }
  for (const item of list(fields["objects"])) {
    const named = strings(fieldsOf(item, "List")?.["items"]);
    const name = named.at(-1);
    const schema = named.at(-2);
    if (name !== undefined)
      walk.found.relations.push({ name, ...(schema === undefined ? {} : { schema }), use: "define" });
  }
}

const judges: Readonly<Record<string, Judge>> = {
  TransactionStmt: transaction,
  VariableSetStmt: (fields, walk) => settle(judgeSet(fields), walk),
  DiscardStmt: discard,
  ExplainStmt: explain,
  PrepareStmt: (fields, walk) => {
    judgeInner(fields["query"], walk);
    return { kind: "prepare", name: text(fields["name"]) };
  },
  ExecuteStmt: (fields, walk) => {
    walk.visit(fields["params"], inside);
    return { kind: "execute", name: text(fields["name"]) };
  },
  DeallocateStmt: (fields) => ({ kind: "deallocate", name: text(fields["name"]) || "*" }),
  DeclareCursorStmt: (fields, walk) => {
    judgeInner(fields["query"], walk);
    const options = Number(fields["options"] ?? 0);
    const [binary, hold] = [(options & 0x1) !== 0, (options & 0x20) !== 0];
    return { kind: "declare", name: text(fields["portalname"]), binary, hold };
  },
  FetchStmt: (fields) => ({ kind: "fetch", name: text(fields["portalname"]) }),
  ClosePortalStmt: (fields) => ({ kind: "close", name: text(fields["portalname"]) || "*" }),
  ListenStmt: (fields, walk) => {
    raise(walk.found, "write", "listen");
    return { kind: "listen", channel: text(fields["conditionname"]) };
  },
  CopyStmt: copy,
  VacuumStmt: maintain,
  ClusterStmt: maintain,
  ReindexStmt: maintain,
  LockStmt: (fields, walk) => {
    for (const item of list(fields["relations"])) {
      const relation = fieldsOf(item, "RangeVar");
      if (relation !== undefined) walk.found.relations.push({ ...rangeName(relation), use: "lock" });
    }
    raise(walk.found, "write", "locking");
    return plain;
  },
  DoStmt: (_fields, walk) => {
    raise(walk.found, "unknown", "do-block", "function-side-effect");
    return changing;
  },
  CallStmt: (fields, walk) => {
    walk.visit({ FuncCall: fields["funccall"] }, inside);
    raise(walk.found, "unknown", "function-side-effect");
    return changing;
  },
  AlterSystemStmt: (_fields, walk) => {
    raise(walk.found, "admin", "guarded-setting", "filesystem");
    return plain;
  },
};

function judgeInner(query: unknown, walk: Walk): void {
  const node = nodeOf(query);
  if (node !== undefined) judgeInto(node.type, node.fields, walk);
}

function transaction(fields: Tree, walk: Walk): Action {
  settle(judgeTransactionModes(list(fields["options"])), walk);
  switch (text(fields["kind"])) {
    case "TRANS_STMT_BEGIN":
    case "TRANS_STMT_START":
      return { kind: "begin" };
    case "TRANS_STMT_COMMIT":
      return { kind: "commit" };
    case "TRANS_STMT_ROLLBACK":
      return { kind: "rollback" };
    case "TRANS_STMT_SAVEPOINT":
      return { kind: "savepoint" };
    case "TRANS_STMT_RELEASE":
      return { kind: "release" };
    case "TRANS_STMT_ROLLBACK_TO":
      return { kind: "rollback-to" };
    default:
      raise(walk.found, "admin", "two-phase");
      return plain;
  }
}

function discard(fields: Tree, walk: Walk): Action {
  const target = text(fields["target"]);
  if (target !== "DISCARD_ALL") return plain;
  raise(walk.found, "admin", "guarded-setting");
  return { kind: "discard-all" };
}

function settle(judgement: Judgement, walk: Walk): Action {
  raise(walk.found, judgement.effect, ...judgement.traits);
  if (judgement.refusal !== undefined) walk.found.refusal = judgement.refusal;
  return plain;
}

const explainOptions: ReadonlySet<string> = new Set(
  "analyze verbose costs settings generic_plan buffers serialize wal timing summary memory format".split(" "),
);

/** EXPLAIN ANALYZE runs its statement; without it the statement is planned only, which still folds functions. */
function explain(fields: Tree, walk: Walk): Action {
  const options = list(fields["options"]).map((item) => fieldsOf(item, "DefElem") ?? {});
  const names = options.map((option) => text(option["defname"]).toLowerCase());
  if (names.some((name) => !explainOptions.has(name))) raise(walk.found, "unknown", "unknown-node");
  const runs = options.some(
    (option) => text(option["defname"]).toLowerCase() === "analyze" && !isOff(constant(option["arg"])),
  );
  const before = walk.found.effect;
  const inner = nodeOf(fields["query"]);
  judgeInner(fields["query"], walk);
  if (runs) {
    raise(walk.found, inner?.type === "ExecuteStmt" ? "unknown" : "read", "explain-analyze");
    if (walk.found.writes) walk.found.writes = "uncounted";
    return plain;
  }
  walk.found.effect = walk.found.traits.has("unknown-node") ? "unknown" : before;
  walk.found.bounds.length = 0;
  delete walk.found.writes;
  for (const trait of [...walk.found.traits]) if (trait !== "unknown-node") walk.found.traits.delete(trait);
  return plain;
}

function isOff(value: string | undefined): boolean {
  return value !== undefined && /^(off|false|0|no|f|n|of)$/i.test(value);
}

function copy(fields: Tree, walk: Walk): Action {
  const relation = tree(fields["relation"]);
  const columns = strings(fields["attlist"]);
  if (fields["is_program"] === true) raise(walk.found, "admin", "program");
  else if (fields["filename"] !== undefined) raise(walk.found, "admin", "filesystem");
  judgeInnerCopy(fields["query"], walk);
  if (fields["is_from"] === true) {
    if (relation !== undefined) walk.found.relations.push({ ...rangeName(relation), use: "write" });
    walk.visit(fields["whereClause"], { ...inside, place: "condition" });
    raise(walk.found, "write", "copy-in");
    walk.found.writes = "uncounted";
    return { kind: "copy-in" };
  }
  if (relation !== undefined) {
    walk.found.relations.push({ ...rangeName(relation), use: "copy" });
    walk.found.copied = { ...rangeName(relation), columns };
  }
  if (fields["is_program"] === true || fields["filename"] !== undefined) return plain;
  const out = copyOut(fields);
  if (out === undefined) raise(walk.found, "unknown", "unknown-node");
  return out ?? plain;
}

/** Rows of COPY (query) carry no origin. */
function judgeInnerCopy(query: unknown, walk: Walk): void {
  if (query !== undefined) walk.visit(query, inside);
}

function maintain(fields: Tree, walk: Walk): Action {
  walk.visit(fields["relation"], inside);
  for (const item of list(fields["rels"])) {
    const relation = tree(fieldsOf(item, "VacuumRelation")?.["relation"]);
    if (relation !== undefined) walk.found.relations.push({ ...rangeName(relation), use: "define" });
  }
  raise(walk.found, "admin", "maintenance");
  return plain;
}
