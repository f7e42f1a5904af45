import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Client } from "pg";
import type { Classifier } from "../../../src/protocols/postgres/statement.ts";
import { type Bench, openBench } from "../../protocols/postgres/classify-support.ts";

/**
 * The judge here is PostgreSQL: whatever classification lets pass as a read is run, and every sensitive value that comes
 * out must stand in a column whose origin is masked, or in a result that is masked whole.
 */
let bench: Bench;
let client: Client;
before(async () => {
  bench = await openBench();
  client = await bench.client();
  await client.query("set statement_timeout = '5s'");
});
after(async () => {
  await client.end();
  await bench.stop();
});

const canary =
  /canary|CANARY|leak\.example|90[012]-\d\d-\d{4}|4111111111111111|5500000000000004|340000000000009|\b(7391|1205|8888)\b/;

const columns = [
  "email",
  "c.ssn",
  "app.customers.card",
  "secret_pin",
  "tags",
  "prefs",
  "doc",
  "contact",
  "c",
  "k",
  "*",
  "c.*",
];
const wraps = [
  "{}",
  "({})",
  "{}::text",
  "coalesce({}, null)",
  "to_jsonb({})",
  "x.{}",
  "array[{}]",
  "({}).email",
  "row({})",
  "max({})",
];
const shapes = [
  "select {} from app.customers c",
  "select {} from app.customers",
  "select {} as id from app.customers c order by c.id",
  "select {} from app.v_contact c",
  "select {} from app.v_contact2 c",
  "select {} from app.mv_contact c",
  "select {} from app.part c",
  "select {} from app.part_1 c",
  "select {} from app.api_tokens c",
  "select {} from app.orders x join app.customers c on c.id = x.customer_id",
  "select {} from app.customers c natural join app.orders x",
  "select {} from (app.customers c join app.orders o on o.customer_id = c.id) as x",
  "select {} from (select * from app.customers) c",
  "select {} from app.customers x, lateral (select x.*) c",
  "select {} from app.customers as c(c, k, contact)",
  "select distinct {} from app.customers c",
  "with c as (select * from app.customers) select {} from c",
  "with c as materialized (table app.customers) select {} from c, app.customers x",
  "select {} from app.all_customers() c",
  "select {} from app.customers c where true union all select null from app.orders where false",
  "select (select {} from app.customers c limit 1)",
  "select {} from rows from (app.all_customers()) c",
];

test("whatever is let pass in strict mode shows sensitive values only where they are masked", async () => {
  const { ran, leaks } = await tryAll(bench.strict, generated());
  assert.ok(ran > 40, `only ${ran} statements ran`);
  assert.deepEqual(leaks, []);
});

test("whatever is let pass in lenient mode is masked by origin or whole", async () => {
  const { ran, leaks } = await tryAll(bench.lenient, [...generated(), ...recorded()]);
  assert.ok(ran > 400, `only ${ran} statements ran`);
  assert.deepEqual(leaks, []);
});

test("the kept statements show nothing unmasked in strict mode", async () => {
  const { ran, leaks } = await tryAll(bench.strict, recorded());
  assert.ok(ran > 60, `only ${ran} statements ran`);
  assert.deepEqual(leaks, []);
});

function generated(): readonly string[] {
  return shapes.flatMap((shape) =>
    columns.flatMap((column) => wraps.map((wrap) => shape.replace("{}", wrap.replace("{}", column)))),
  );
}

function recorded(): readonly string[] {
  return ["leak.jsonl", "masked-output.jsonl", "controls.jsonl"].flatMap((name) =>
    readFileSync(new URL(name, import.meta.url), "utf8")
      .split("\n")
      .flatMap((json) => (json === "" ? [] : [String(JSON.parse(json).sql)])),
  );
}

async function tryAll(
  classifier: Classifier,
  statements: readonly string[],
): Promise<{ ran: number; leaks: string[] }> {
  const leaks: string[] = [];
  let ran = 0;
  for (const sql of statements) {
    const { refusal, effect, statements: judged } = await classifier.classify(sql);
    if (refusal !== undefined || effect !== "read" || judged[0]?.node !== "SelectStmt") continue;
    const whole = judged[0].masking.kind === "whole";
    const shown = await shownColumns(sql);
    if (shown === undefined) continue;
    ran++;
    for (const { tableID, columnID, text } of shown) {
      const masked = tableID === 0 ? whole : classifier.maskedColumn(tableID, columnID) !== undefined;
      if (!masked && canary.test(text)) leaks.push(`${sql} → ${text.slice(0, 80)}`);
    }
  }
  return { ran, leaks };
}

interface Shown {
  readonly tableID: number;
  readonly columnID: number;
  readonly text: string;
}

/** The result's columns with their values as text; undefined when PostgreSQL rejects the statement. */
async function shownColumns(text: string): Promise<readonly Shown[] | undefined> {
  const types = { getTypeParser: () => String };
  const parameters = text.includes("$1") ? [null] : [];
  try {
    const result = await client.query<string[]>({ text, values: parameters, rowMode: "array", types });
    return result.fields.map(({ tableID, columnID }, i) => ({
      tableID,
      columnID,
      text: result.rows.map((row) => row[i] ?? "").join("\n"),
    }));
  } catch {
    return undefined;
  }
}
