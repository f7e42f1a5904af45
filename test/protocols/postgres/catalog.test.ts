import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { parseMasking } from "../../../src/core/masking/parse.ts";
import { createParser } from "../../../src/gateway/parser.ts";
import { openCatalog } from "../../../src/protocols/postgres/catalog.ts";
import { createClassifier } from "../../../src/protocols/postgres/classify.ts";
import type { Classified } from "../../../src/protocols/postgres/statement.ts";
import { type Bench, openBench, policyMasks } from "./classify-support.ts";
import { pgCatalogConnection } from "./pg-catalog.ts";

let bench: Bench;
before(async () => {
  bench = await openBench();
  await bench.run(
    `
    create view app.v_row as select id, c as whole, upper(email) as loud, count(*) over () as n from app.customers c;
    create view app.v_union as select email as x from app.customers union all select status from app.orders;
    create view app.v_file as select pg_catalog.pg_read_file('PG_VERSION') as v;
    create view app.v_files as select * from app.v_file;
    create table app.parent (id int, note text);
    create table app.child (secret text) inherits (app.parent);
    create table app.computed (id int, ssn text, tail text generated always as (right(ssn, 4)) stored);
    create function app.shout(int) returns text language plpgsql as 'begin return 1; end';
    create function app.plain(int) returns int language sql immutable as 'select 1';
    create function app.accept(text) returns boolean language plpgsql as 'begin return true; end';
    create domain app.checked as text check (app.accept(value));
    create type app.pair as (a int, b int);
    create function app.to_pair(int) returns app.pair language sql volatile as 'select row(1,2)::app.pair';
    create cast (int as app.pair) with function app.to_pair(int);
    create aggregate app.collect(int) (sfunc = app.step, stype = int);
  `.replace(
      "create aggregate",
      "create function app.step(int, int) returns int language plpgsql as 'begin return 1; end'; create aggregate",
    ),
  );
  await bench.run("create rule redirect as on insert to app.parent do instead delete from app.orders");
});
after(() => bench.stop());

const strict = (sql: string): Promise<Classified> => bench.strict.classify(sql);

test("a whole row, an expression and a union in a view are masked, and views over them", async () => {
  for (const sql of [
    "select whole || '' from app.v_row",
    "select length(loud) from app.v_row",
    "select x || '' from app.v_union",
  ])
    assert.equal((await strict(sql)).refusal?.rule, "masked-column-in-expression", sql);
  assert.equal((await strict("select id + 1 from app.v_row")).refusal, undefined);
});

test("a view is judged by what it calls, through other views too", async () => {
  assert.equal((await strict("select v from app.v_files")).effect, "admin");
});

test("masks pass between parents and children and into computed columns", async () => {
  const masked = bench.classifier(
    "strict",
    [],
    [{ columns: ["app.child.note", "app.computed.ssn"], how: "redact" }],
  );
  for (const sql of ["select upper(note) from app.parent", "select upper(tail) from app.computed"])
    assert.equal((await masked.classify(sql)).refusal?.rule, "masked-column-in-expression", sql);
});

test("functions behind casts, domains, operators and aggregates count as called", async () => {
  for (const sql of [
    "select 1::app.pair",
    "select 'x'::app.checked",
    "select operator(app.!!!) 1",
    "select app.collect(id) from app.orders",
  ])
    assert.equal((await bench.unmasked.classify(sql)).effect, "unknown", sql);
});

test("a write to a relation with a rule is not the write it seems", async () => {
  assert.equal((await bench.unmasked.classify("insert into app.parent values (1, 'x')")).effect, "unknown");
});

test("a function that the target's owner lists may be called", async () => {
  const vouched = bench.classifier("strict", ["app.plain", "app.touch"]);
  for (const sql of ["select app.plain(1)", "select app.touch(1)"]) {
    assert.equal((await vouched.classify(sql)).effect, "read", sql);
    assert.equal((await strict(sql)).refusal?.rule, "function-may-read-masked", sql);
  }
});

test("a relation that is new since the catalog was read is found, with its masks", async () => {
  await strict("select 1");
  await bench.run("create view app.v_new as select ssn as s from app.customers");
  assert.equal((await strict("select upper(s) from app.v_new")).refusal?.rule, "masked-column-in-expression");
});

test("a column that is new since the catalog was read is masked until it is read again", async () => {
  await bench.run("create table app.grows (id int)");
  await strict("select id from app.grows");
  const oid = bench.catalog.peek()?.data.relation({ schema: "app", name: "grows" })?.oid ?? 0;
  assert.equal(bench.strict.maskedColumn(oid, 1), undefined);
  await bench.run("alter table app.grows add column note text");
  assert.equal(bench.strict.maskedColumn(oid, 2), "redact");
  await strict("select id from app.grows");
  assert.equal(bench.strict.maskedColumn(oid, 2), undefined);
  assert.equal(bench.strict.maskedColumn(oid, -1), undefined, "system columns hold no values of the table's");
});

test("after invalidate a changed view is judged anew", async () => {
  await bench.run("create view app.v_turned as select id, name from app.customers");
  assert.equal((await strict("select upper(name) from app.v_turned")).refusal, undefined);
  await bench.run("create or replace view app.v_turned as select id, ssn as name from app.customers");
  bench.strict.invalidate();
  assert.equal(bench.strict.cached("select upper(name) from app.v_turned"), undefined);
  assert.equal(
    (await strict("select upper(name) from app.v_turned")).refusal?.rule,
    "masked-column-in-expression",
  );
});

test("what others change is seen when the catalog has aged", async () => {
  let now = 0;
  const clock = { now: () => new Date(0), monotonic: () => now };
  let loads = 0;
  const catalog = openCatalog(
    async () => {
      loads++;
      return pgCatalogConnection(await bench.client());
    },
    { maxAge: 1000, clock },
  );
  const first = await catalog.current();
  assert.equal(await catalog.current(), first);
  now = 1001;
  assert.equal(catalog.peek(), first, "the answer in hand serves");
  await until(() => loads === 2);
  await bench.run("create table app.aged (id int)");
  await until(() => {
    now += 1001;
    return catalog.peek()?.data.relation({ schema: "app", name: "aged" }) !== undefined;
  });
  assert.equal(catalog.peek()?.generation, first.generation + 1);
});

test("while the catalog cannot be read every statement is refused, and none is remembered", async () => {
  let down = true;
  const catalog = openCatalog(async () => {
    if (down) throw new Error("connection refused");
    return pgCatalogConnection(await bench.client());
  });
  const parser = createParser();
  const masks = compileMasks(parseMasking(policyMasks), Buffer.alloc(32));
  const classifier = createClassifier({ catalog, masks, parser, functions: [], shared: new Map() });
  try {
    assert.equal((await classifier.classify("select 1")).refusal?.rule, "catalog-unavailable");
    down = false;
    assert.equal((await classifier.classify("select 1")).effect, "read");
    assert.equal(classifier.cached("select 1")?.effect, "read");
  } finally {
    await parser.close();
  }
});

test("resources are spelled with the schema that the search path gives", async () => {
  assert.deepEqual((await strict("select 1 from pg_class, app.orders")).resources, [
    "pg_catalog.pg_class",
    "app.orders",
  ]);
});

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail("it never came true");
}
