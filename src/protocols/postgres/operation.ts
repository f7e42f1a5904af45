import type { Json } from "../../base/json.ts";
import { type Operation, worst } from "../../core/session/operation.ts";
import { withoutLiterals } from "./literals.ts";
import type { Classified, Statement } from "./statement.ts";
import type { BindMessage } from "./wire/frontend.ts";

/**
 * The operation that a query string is, its EXECUTE and FETCH counted as what they run; what that is stands behind the
 * parameters, so that reviewers see it and approvals are bound to it.
 */
export function statementOperation(
  sql: string,
  statements: readonly Statement[],
  parameters: readonly Json[],
  whole: Pick<Classified, "traits" | "refusal" | "effect" | "private">,
): Operation {
  const all = [...parameters, ...statements.flatMap(({ runs }) => (runs ? [runs] : []))];
  const hides = whole.private === true || statements.some((statement) => statement.private);
  const refusal = whole.refusal ?? statements.find((statement) => statement.refusal)?.refusal;
  return {
    kind: statements.some(({ does }) => does.kind === "copy-in" || does.kind === "copy-out")
      ? "copy"
      : "statement",
    text: sql,
    parameters: all,
    effect: statements.reduce((effect, statement) => worst(effect, statement.effect), whole.effect),
    resources: unique(statements.flatMap(({ resources }) => resources)),
    traits: unique([...whole.traits, ...statements.flatMap(({ traits }) => traits)]),
    ...(refusal ? { refusal } : {}),
    ...(hides ? { shown: { text: withoutLiterals(sql), parameters: all.map(() => "[masked]") } } : {}),
  };
}

/** The statement as it counts when `inner` is what it runs. */
export function asInner(own: Statement, inner: Statement): Statement {
  const refusal = own.refusal ?? inner.refusal;
  return {
    ...own,
    effect: worst(own.effect, inner.effect),
    resources: unique([...own.resources, ...inner.resources]),
    traits: unique([...own.traits, ...inner.traits]),
    masking: inner.masking,
    ...(own.private || inner.private ? { private: true as const } : {}),
    ...(inner.writes ? { writes: inner.writes } : {}),
    ...(refusal ? { refusal } : {}),
  };
}

/** EXECUTE or FETCH of a name that was never seen: nothing is known, so nothing may run. */
export function asUnknown(own: Statement, what: string, name: string): Statement {
  const refusal = {
    rule: "unknown-name",
    reason: `${what} "${name}" is not known to ihc`,
    hint: "prepare or declare it in this connection first",
  };
  return { ...own, effect: "unknown", refusal: own.refusal ?? refusal };
}

/** EXECUTE or FETCH of something that is no query itself. */
export function asNested(own: Statement, name: string): Statement {
  const refusal = {
    rule: "nested-statement",
    reason: `"${name}" is no query, so it cannot be run by name`,
    hint: "send the statement itself",
  };
  return { ...own, effect: "unknown", refusal: own.refusal ?? refusal };
}

/** Bind's values as a reviewer can read them: text as text, binary numbers as numbers, other binary as `\x` digits. */
export function boundParameters(message: BindMessage, types: readonly number[]): readonly Json[] {
  const { formats, values } = message;
  return values.map((value, i) => {
    const format = formats.length === 1 ? formats[0] : formats[i];
    if (value === null) return null;
    if (format !== 1) return value.toString("utf8");
    return binary(value, types[i] ?? 0);
  });
}

function binary(value: Buffer, type: number): Json {
  if (type === 16 && value.length === 1) return value.readUInt8(0) !== 0;
  if (type === 21 && value.length === 2) return value.readInt16BE(0);
  if (type === 23 && value.length === 4) return value.readInt32BE(0);
  if (type === 20 && value.length === 8) return value.readBigInt64BE(0).toString();
  if (textTypes.has(type)) return value.toString("utf8");
  return `\\x${value.toString("hex")}`;
}

/** json, text, bpchar, varchar, name: their binary form is their text. */
const textTypes: ReadonlySet<number> = new Set([19, 25, 114, 1042, 1043]);

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}
