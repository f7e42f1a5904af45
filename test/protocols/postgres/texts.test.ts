import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { detectorNames } from "../../../src/core/masking/rule.ts";
import { scrubMessage, scrubNotification, scrubParameter } from "../../../src/protocols/postgres/texts.ts";
import { parseErrorFields } from "../../../src/protocols/postgres/wire/backend.ts";
import { errorResponse } from "../../../src/protocols/postgres/wire/encode.ts";
import { canariesIn } from "../../support/cases/canary.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { openRaw, type RawConnection } from "./raw.ts";

const key = Buffer.alloc(32, 7);
const columnsOnly = compileMasks(
  { mode: "strict", rules: [{ columns: ["app.customers.*"], how: "redact" }] },
  key,
);
const detectorsOnly = compileMasks(
  { mode: "strict", rules: [{ detect: detectorNames, how: "redact" }] },
  key,
);

let server: PostgresServer;
let db: RawConnection;
before(async () => {
  server = await startPostgres({ contrib: true });
  db = await openRaw(server);
  await db.query("create database ihc_cases");
  db.close();
  db = await openRaw(server, "ihc_cases");
  const frames = await db.query(readFileSync(new URL("../../cases/fixture.sql", import.meta.url), "utf8"));
  assert.ok(
    frames.every(({ type }) => type !== "E"),
    "the fixture loads",
  );
  await db.query("set client_min_messages to debug1");
});
after(async () => {
  db.close();
  await server.stop();
});

/** Every channel beside rows, as a client would get it. */
async function told(sql: string, masks = columnsOnly) {
  const out: Buffer[] = [];
  const context = { masks, said: [sql] };
  for (const { type, bytes } of await db.query(sql)) {
    if (type === "E" || type === "N") out.push(Buffer.from(scrubMessage(bytes, context)));
    if (type === "A") out.push(Buffer.from(scrubNotification(bytes, context)));
    if (type === "S") out.push(Buffer.from(scrubParameter(bytes, context)));
  }
  await db.query("rollback");
  return out;
}

/** Statements that strict classification refuses anyway: what they would say must hold nothing even if they ran. */
const leaking = [
  "select ssn::int from app.customers",
  "select email::date from app.customers",
  "select email::uuid from app.customers",
  "select ('{'||email)::json from app.customers",
  "select ('[1,'||ssn||'x]')::jsonb from app.customers",
  "select ('<'||ssn)::xml from app.customers",
  "select to_date(ssn,'YYYY-MM-DD') from app.customers",
  "select email::regclass from app.customers",
  "select name::regclass from app.customers",
  "select ssn::regrole from app.customers",
  "select nextval(email) from app.customers",
  "select setval('app.seq1', -secret_pin) from app.customers",
  "select dblink_connect('host='||ssn) from app.customers",
  "select make_date(secret_pin, 99, 1) from app.customers",
  "select email::int[] from app.customers",
  "select (ssn||' \" '||email)::int from app.customers",
  "select ('\"'||ssn||'\"')::int from app.customers",
  "select ''::int + ('id\" '||ssn||' \"x')::int from app.customers",
  "select ssn::inet from app.customers",
  "select to_tsquery(ssn||' & (') from app.customers",
  "select regexp_replace('x', ssn||'(', '') from app.customers",
  "select email::name::regproc from app.customers",
  "select format('%'||ssn, 1) from app.customers",
  "select current_setting(email) from app.customers",
  "select set_config('work_mem', ssn, false) from app.customers",
  "select encode('x', ssn) from app.customers",
  "select convert_from('x', ssn) from app.customers",
  "select pg_read_file(email) from app.customers",
  "select card::int2 from app.customers",
  "select ssn::interval from app.customers",
  "select secret_pin::text::bit(3)::text::mood from app.customers",
  "select pg_notify('x', ssn) from app.customers; listen x; select pg_notify('x', ssn) from app.customers",
  "do $$declare r record; begin for r in select ssn from app.customers loop raise notice '%', r.ssn; end loop; end$$",
  "do $$declare v text; begin select name||email into v from app.customers; raise exception using message=v, detail=v, hint=v, column=v, constraint=v, table=v, schema=v, datatype=v; end$$",
  "do $$declare v text; begin select ssn into v from app.customers; assert false, v; end$$",
  "do $$declare v text; begin select ssn into v from app.customers; execute 'select '||quote_literal(v)||'::int'; end$$",
  "do $$declare v text; begin select ssn into v from app.customers limit 1; perform set_config('application_name', v, false); end$$",
  "do $$declare v text; begin select ssn into v from app.customers limit 1; perform set_config('search_path', v, false); end$$; set search_path to public",
  "update app.customers set balance=-1 where id=1",
  "insert into app.customers(id,name,ssn) values (9,'x','900-'||'11-2233')",
  "insert into app.customers(id,name) values (9,null)",
  "insert into app.orders values (99, (select secret_pin from app.customers where id=1), 1, 'x')",
  "delete from app.customers where id = 1",
];

for (const sql of leaking)
  test(`nothing is told beside the rows of: ${sql.slice(0, 90)}`, async () => {
    const out = await told(sql);
    assert.ok(out.length > 0 || !/notice|pg_notify/.test(sql), "the server has something to say");
    const seen = Buffer.concat(out);
    const [shortSeen] = [Buffer.from(seen.toString("latin1").replace(sql, ""), "latin1")];
    assert.deepEqual(canariesIn(seen, shortSeen), []);
    assert.ok(!seen.includes("{canary"));
  });

/** What people meet every day must stay readable. */
const readable: readonly (readonly [sql: string, message: RegExp])[] = [
  ["select * from app.nowhere", /^relation "app.nowhere" does not exist$/],
  ["select nme from app.orders", /^column "nme" does not exist$/],
  ["selec 1", /^syntax error at or near "selec"$/],
  ["select app.nothing(1)", /^function app.nothing\(integer\) does not exist$/],
  ["select 1/0", /^division by zero$/],
  ["select 'abc'::int", /^invalid input syntax for type integer: "abc"$/],
  ["insert into app.orders(id) values (1)", /^duplicate key value violates unique constraint "orders_pkey"$/],
  ["do $$begin raise exception 'out of stock'; end$$", /^out of stock$/],
  ["set nonsense = 1", /^unrecognized configuration parameter "nonsense"$/],
  ["select id, count(*) from app.orders", /^column "orders.id" must appear in the GROUP BY clause/],
];

for (const [sql, message] of readable)
  test(`an ordinary mistake is told as the server tells it: ${sql}`, async () => {
    const [frame] = await told(sql);
    assert.ok(frame);
    const fields = parseErrorFields(frame);
    assert.match(fields.get("M") ?? "", message);
    assert.match(fields.get("C") ?? "", /^[0-9A-Z]{5}$/);
  });

test("the position and the names of the catalog stay", async () => {
  const [frame] = await told("insert into app.orders(id) values (1)");
  assert.ok(frame);
  const fields = parseErrorFields(frame);
  assert.deepEqual([fields.get("s"), fields.get("t"), fields.get("n")], ["app", "orders", "orders_pkey"]);
  assert.equal(fields.get("D"), "Key (id)=([redacted]) already exists.");
});

test("without masked columns only the detectors look", async () => {
  const [notice] = await told(
    "do $$begin raise notice 'ask % for 12345', 'canary.ada@leak.'||'example'; end$$",
    detectorsOnly,
  );
  assert.ok(notice);
  assert.equal(parseErrorFields(notice).get("M"), "ask [redacted] for 12345");
});

test("a payload that the client said itself comes back, another does not", async () => {
  await db.query("listen ch");
  const payload = (frame: Buffer | undefined): string => frame?.toString("utf8", 12, frame.length - 1) ?? "";
  assert.equal(payload((await told("notify ch, 'hello'"))[0]), "hello");
  assert.equal(
    payload((await told("select pg_notify('ch', name) from app.customers where id = 1"))[0]),
    "[redacted]",
  );
  await db.query("unlisten ch");
});

test("a field that is not known is dropped, a cut frame is refused", () => {
  const frame = errorResponse({
    S: "ERROR",
    C: "XX000",
    M: "odd",
    z: "canary.ada@leak.example",
    q: "select 1",
  });
  const scrubbed = Buffer.from(scrubMessage(frame, { masks: columnsOnly, said: [] }));
  assert.deepEqual([...parseErrorFields(scrubbed).keys()], ["S", "C", "M"]);
  for (let end = 5; end < frame.length; end++)
    assert.throws(() => scrubMessage(frame.subarray(0, end), { masks: columnsOnly, said: [] }));
});
