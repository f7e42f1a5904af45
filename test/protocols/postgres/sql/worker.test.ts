import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatementFacts } from "../../../../src/protocols/postgres/sql/facts.ts";
import { handle } from "../../../../src/protocols/postgres/sql/worker.ts";

async function rule(sql: string): Promise<string | undefined> {
  const facts = await handle(sql);
  return facts.kind === "refused" ? facts.refusal.rule : undefined;
}

async function read(sql: string): Promise<StatementFacts> {
  const facts = await handle(sql);
  assert.equal(facts.kind, "parsed", sql);
  const [statement] = facts.kind === "parsed" ? facts.statements : [];
  assert.ok(statement, sql);
  return statement;
}

test("text that the parser must not see is refused before it", async () => {
  assert.equal(await rule("select 1;\0drop table x"), "unparsable");
  assert.equal(await rule("select '\ud800'"), "unparsable");
  assert.equal(await rule(`select '${"x".repeat(1_048_577)}'`), "statement-too-long");
  assert.equal(await rule(`select ${"(".repeat(400)}1${")".repeat(400)}`), "statement-too-deep");
  assert.equal(await rule("select 1\u001b[2K"), "hidden-characters");
});

test("a tree deeper than the walk goes is refused without harm to the next statement", async () => {
  assert.equal(await rule(`select 1${"::int".repeat(2500)}`), "statement-too-deep");
  assert.equal((await read("select 1")).effect, "read");
});

test("characters that mislead a reader are refused outside the content of literals", async () => {
  const lines = [
    "/*\u202e*/ select 1",
    "select 1 as a\u200bb",
    "select $\u2066$x$\u2066$",
    'select 1 as "\u202e"',
    "select 1 --\u2028",
    "select 'a' -- \u202e\n 'b'",
  ];
  for (const sql of lines) assert.equal(await rule(sql), "hidden-characters", JSON.stringify(sql));
  for (const sql of ["select '\u202e'", "select $$\u200d$$", "select E'\u200d'", "select U&'\u200d'"])
    assert.equal(await rule(sql), undefined, JSON.stringify(sql));
});

test("an empty string holds no statement", async () => {
  for (const sql of ["", "  \n", ";", "-- nothing", "/* nothing */ ;;"])
    assert.deepEqual(await handle(sql), { kind: "parsed", statements: [], hidden: false }, sql);
});

test("every statement of a string is reported", async () => {
  const facts = await handle("select 1; delete from t; commit");
  assert.deepEqual(facts.kind === "parsed" ? facts.statements.map((s) => [s.node, s.effect]) : [], [
    ["SelectStmt", "read"],
    ["DeleteStmt", "write"],
    ["TransactionStmt", "read"],
  ]);
});

test("a CTE hides a relation of its name only where it is in sight", async () => {
  const names = async (sql: string): Promise<string[]> => (await read(sql)).relations.map((r) => r.name);
  assert.deepEqual(await names("with t as (select 1) select * from t"), []);
  assert.deepEqual(await names("with t as (select * from t) select * from t"), ["t"]);
  assert.deepEqual(await names("with recursive t as (select * from t) select * from t"), []);
  assert.deepEqual(await names("select * from t where exists (with t as (select 1) select * from t)"), ["t"]);
  assert.deepEqual(await names("with t as (select 1) select * from s.t"), ["t"]);
  assert.deepEqual(await names("with t as (select 1) delete from t"), ["t"]);
});

test("conditions that every row meets bound nothing", async () => {
  const trivial = [
    "true",
    "1=1",
    "id=id",
    "id is not null",
    "(select true)",
    "1 in (1,2)",
    "not false",
    "id=id and 1=1",
    "id=3 or true",
    "id is null or id is not null",
    "$1",
    "exists (select 1)",
    "'a' like 'a%'",
    "not (id is null)",
    "t.id = t.id",
  ];
  for (const where of trivial) {
    const [bound] = (await read(`delete from t where ${where}`)).bounds;
    assert.equal(bound?.kind, "trivial", where);
  }
});

test("columns count as bounded where every row must match few given values", async () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["id = 7", ["id"]],
    ["7 = id", ["id"]],
    ["id = $1::int", ["id"]],
    ["id in (1,2,$3)", ["id"]],
    ["id = 1 and x > 2", ["id"]],
    ["id = 1 or id = 2", ["id"]],
    ["a = 1 and b = 2", ["a", "b"]],
    ["id = 1 or x = 2", []],
    ["id <> 1", []],
    ["id > 1", []],
    ["not id = 1", []],
    ["id = any($1)", []],
    ["id in (select 1)", []],
    ["id = other", []],
    ["abs(id) = 1", []],
    [`id in (${Array.from({ length: 11 }, (_, i) => i).join()})`, []],
    ["id not in (1)", []],
  ];
  for (const [where, columns] of cases) {
    const [bound] = (await read(`delete from t where ${where}`)).bounds;
    assert.deepEqual([bound?.kind, bound?.columns], ["columns", columns], where);
  }
  const [joined] = (await read("delete from t using u where u.id = t.id and u.id = 1")).bounds;
  assert.deepEqual(joined?.columns, []);
  const [own] = (await read("update t x set a = 1 from u where x.id = 1")).bounds;
  assert.deepEqual(own?.columns, ["id"]);
});

test("ORDER BY by position or name sorts by the column it stands for", async () => {
  const sorted = async (sql: string): Promise<unknown> =>
    (await read(sql)).columns
      .filter((use) => use.place === "expression")
      .map((use) => (use.star ? "*" : use.fields.join(".")));
  assert.deepEqual(await sorted("select a, b from t order by 2"), ["b"]);
  assert.deepEqual(await sorted("select a as x, b from t order by x"), ["a"]);
  assert.deepEqual(await sorted("select a, * from t order by 3"), ["*"]);
  assert.deepEqual(await sorted("select a from t order by b"), ["b"]);
});

test("statements do to the session what their names say", async () => {
  const does = async (sql: string): Promise<unknown> => (await read(sql)).does;
  assert.deepEqual(await does("prepare p as select 1"), { kind: "prepare", name: "p" });
  assert.deepEqual(await does("execute p"), { kind: "execute", name: "p" });
  assert.deepEqual(await does("deallocate prepare all"), { kind: "deallocate", name: "*" });
  assert.deepEqual(await does("deallocate p"), { kind: "deallocate", name: "p" });
  assert.deepEqual(await does("declare c binary cursor for select 1"), {
    kind: "declare",
    name: "c",
    binary: true,
    hold: false,
  });
  assert.deepEqual(await does("declare c insensitive scroll cursor with hold for select 1"), {
    kind: "declare",
    name: "c",
    binary: false,
    hold: true,
  });
  assert.deepEqual(await does("move all in c"), { kind: "fetch", name: "c" });
  assert.deepEqual(await does("close all"), { kind: "close", name: "*" });
  assert.deepEqual(await does("end"), { kind: "commit" });
  assert.deepEqual(await does("abort"), { kind: "rollback" });
  assert.deepEqual(await does("rollback to s"), { kind: "rollback-to" });
  assert.deepEqual(await does("listen c"), { kind: "listen", channel: "c" });
  assert.deepEqual(await does("discard all"), { kind: "discard-all" });
});

test("COPY options are read as PostgreSQL reads them, unknown ones are not guessed", async () => {
  const out = async (sql: string): Promise<unknown> => (await read(sql)).does;
  const text = { delimiter: "\t", quote: '"', escape: '"', header: false, null: "\\N" };
  assert.deepEqual(await out("copy t to stdout"), { kind: "copy-out", format: "text", csv: text });
  assert.deepEqual(await out("copy t to stdout (format csv, delimiter ';', header, quote '''', null 'x')"), {
    kind: "copy-out",
    format: "csv",
    csv: { delimiter: ";", quote: "'", escape: "'", header: true, null: "x" },
  });
  assert.equal((await read("copy t to stdout (encoding 'latin1')")).effect, "unknown");
  assert.equal((await read("copy t to stdout (frobnicate on)")).effect, "unknown");
});
