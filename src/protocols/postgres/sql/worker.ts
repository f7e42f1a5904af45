import { loadModule, parseSync, SqlError, scanSync } from "libpg-query";
import { IhcError } from "../../../base/errors.ts";
import type { Facts } from "./facts.ts";
import { mayMislead, misleadsOutsideLiterals } from "./hidden.ts";
import { judge } from "./judge.ts";
import { outsideLimits } from "./limits.ts";

/**
 * Runs in the parser worker: parses a query string with PostgreSQL's own grammar and reports plain facts. A syntax error
 * is a refusal; any other error means the module may be corrupt, so it is thrown and the worker replaced.
 */
export async function handle(input: unknown): Promise<Facts> {
  if (typeof input !== "string") throw new IhcError("invalid", "a statement must be text");
  await ready();
  const refusal = outsideLimits(input);
  if (refusal !== undefined) return { kind: "refused", refusal };
  if (input.trim() === "") return { kind: "parsed", statements: [], hidden: false };
  try {
    return facts(input);
  } catch (error) {
    if (error instanceof IhcError)
      return { kind: "refused", refusal: { rule: "statement-too-deep", reason: error.message } };
    if (!(error instanceof SqlError)) throw error;
    return { kind: "refused", refusal: { rule: "syntax-error", reason: error.message } };
  }
}

function facts(sql: string): Facts {
  const hidden = mayMislead(sql);
  if (hidden && misleadsOutsideLiterals(sql, scanSync(sql).tokens)) {
    const reason =
      "the statement hides invisible or direction-changing characters outside its string literals";
    return {
      kind: "refused",
      refusal: { rule: "hidden-characters", reason, hint: "remove them from comments and names" },
    };
  }
  const statements = (parseSync(sql).stmts ?? []).map((raw) => judge(raw.stmt));
  return { kind: "parsed", statements, hidden };
}

const typical = [
  "select a.x, b.y from s.a join s.b on a.id = b.id where a.z = $1 order by a.x limit 10",
  "with t as (select 1 as x) select count(*), max(x) from t group by x having count(*) > 1",
  "update s.t set a = $1, b = now() where id = $2 returning id",
  "insert into s.t (a, b) values ($1, $2) on conflict (a) do nothing",
];

let warm: Promise<void> | undefined;

/** Loads the module once per worker and runs it until V8 has compiled it: a cold parse is five to ten times slower. */
function ready(): Promise<void> {
  warm ??= loadModule().then(() => {
    for (let i = 0; i < 200; i++)
      judge(parseSync(typical[i % typical.length] ?? "select 1").stmts?.[0]?.stmt);
  });
  return warm;
}
