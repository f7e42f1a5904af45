import assert from "node:assert/strict";
import { test } from "node:test";
import { type ActionContext, resolve } from "../../../src/protocols/postgres/actions.ts";
import { Names, type Prepared } from "../../../src/protocols/postgres/names.ts";
import { statementOperation } from "../../../src/protocols/postgres/operation.ts";
import type { Portal } from "../../../src/protocols/postgres/portal.ts";
import type { Classified, Statement } from "../../../src/protocols/postgres/statement.ts";

const plain = { effect: "read", resources: [], traits: [], masking: { kind: "origin" } } as const;
const execute: Statement = { ...plain, node: "ExecuteStmt", does: { kind: "execute", name: "p" } };
const change: Statement = { ...plain, node: "DeleteStmt", effect: "write", does: { kind: "plain" } };

/** EXECUTE p, where Parse has given p to a statement. */
async function executing(sql: string, inner: Statement): Promise<Statement | undefined> {
  const statements = new Names<Prepared>();
  const at: Pick<ActionContext, "statements" | "portals" | "batch"> = {
    statements,
    portals: new Names<Portal>(),
    batch: 0,
  };
  const pick = ({ statements: [first] }: Classified): Statement | undefined => first;
  statements.propose("p", { sql, pick, types: [], description: undefined, describedIn: -1 }, 0);
  return resolve(execute, at, async () => ({ ...plain, statements: [inner] }));
}

test("a reviewer sees what EXECUTE runs, and the approval is bound to it", async () => {
  const resolved = await executing("delete from t where id = 7", change);
  assert.ok(resolved);
  const operation = statementOperation("execute p", [resolved], [], plain);
  assert.equal(operation.effect, "write");
  assert.deepEqual(operation.parameters, [{ name: "p", said: ["delete from t where id = 7"] }]);
});

test("EXECUTE of what is no query is refused, whatever it seems to do", async () => {
  for (const does of [
    { kind: "execute", name: "q" },
    { kind: "deallocate", name: "q" },
  ] as const) {
    const resolved = await executing("…", { ...execute, does });
    assert.equal(resolved?.refusal?.rule, "nested-statement");
  }
  const shown = await executing("show all", { ...plain, node: "VariableShowStmt", does: { kind: "plain" } });
  assert.equal(shown?.refusal?.rule, "nested-statement");
});
