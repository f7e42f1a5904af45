import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import type { MaskPlan } from "../../../src/core/masking/plan.ts";
import { detectorNames, type How } from "../../../src/core/masking/rule.ts";
import { decodeRows } from "../../../src/protocols/postgres/decode.ts";
import { compileRows, type RowContext } from "../../../src/protocols/postgres/rows.ts";
import { parseRowDescription } from "../../../src/protocols/postgres/wire/backend.ts";
import { canariesIn } from "../../support/cases/canary.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { openRaw, type RawConnection, type RawFrame } from "./raw.ts";

const key = Buffer.alloc(32, 7);
const detectors = compileMasks({ mode: "strict", rules: [{ detect: detectorNames, how: "redact" }] }, key);
const nothing = compileMasks({ mode: "strict", rules: [] }, key);
const origin = { kind: "origin" } as const;

let server: PostgresServer;
let db: RawConnection;
before(async () => {
  server = await startPostgres();
  db = await openRaw(server);
  await db.query(`create type mood as enum ('calm'); create table people (
    t text, v varchar(40), c char(12), n name, i2 int2, i4 int4, i8 int8, num numeric, f4 float4, f8 float8, b bool,
    d date, ti time, tz timetz, ts timestamp, tstz timestamptz, iv interval, u uuid, j json, jb jsonb, x xml, by bytea,
    ta text[], ia int[], ja jsonb[], m mood, r int4range, ip inet, nul text)`);
  await db.query(`insert into people values ('canary.ada@leak.example', 'canary.bob@leak.example', '900-11-2233',
    'canary.ada@leak.example', 1205, 7391, 4111111111111111, 340000000000009, 7391, 4111111111111, true, '1977-07-07', '07:39:01',
    '07:39:01+02', '1977-07-07 07:39:01', '1977-07-07 07:39:01+00', '7391 days', '7391aaaa-7391-7391-7391-7391aaaabbbb',
    '{"phone":"555-0199-CANARY","n":1}', '{"phone":"555-0199-CANARY"}', 'canary.ada@leak.example',
    'CANARY-DOC-8842', '{canary.tag@leak.example,"x y"}', '{7391,1205}', '{"{\\"a\\":\\"555-0199-CANARY\\"}"}', 'calm', '[7391,8888)', '10.73.91.1', null)`);
});
after(async () => {
  db.close();
  await server.stop();
});

/** Masks a result as the gateway does and returns what a client would see. */
function masked(frames: readonly RawFrame[], context: Partial<RowContext> & { masks: MaskPlan }) {
  const description = frames.find((frame) => frame.type === "T");
  assert.ok(description, "a result has a description");
  const fields = parseRowDescription(description.bytes);
  const rows = compileRows(fields, { masking: origin, maskedColumn: () => undefined, ...context });
  const before = frames.filter((frame) => frame.type === "D").map((frame) => frame.bytes);
  const after = before.map((frame) => Buffer.from(rows.maskRow(frame)));
  return { rows, fields, before, after, cells: decodeRows(Buffer.concat(after), rows.columns) };
}

for (const format of [0, 1] as const)
  for (const how of ["redact", "partial", "hash", "null"] satisfies How[])
    test(`a masked column of any type shows a valid value or NULL (${how}, format ${format})`, async () => {
      const frames = await db.rows("select * from people", format);
      const { after, cells, fields, rows } = masked(frames, { masks: nothing, maskedColumn: () => how });
      assert.deepEqual(canariesIn(Buffer.concat(after)), []);
      assert.ok(rows.columns.every((column) => column.masked));
      const [row = []] = cells;
      assert.equal(row.length, fields.length);
      // The server itself says whether a value is one of its type.
      for (const [i, cell] of row.entries()) {
        const type = fields[i]?.typeOid ?? 0;
        if (cell === null) continue;
        const [answer] = await db.query(
          `select '${cell.replaceAll("'", "''")}'::text::${await typeName(type)}`,
        );
        assert.equal(answer?.type, "T", `${fields[i]?.name}: ${cell}`);
      }
      const shown = row.filter((cell) => cell !== null).length;
      if (how === "null") assert.equal(shown, 0);
      else assert.ok(shown > 20, `${shown} columns keep a value`);
    });

async function typeName(oid: number): Promise<string> {
  const frames = await db.query(`select format_type(${oid}, null)`);
  const row = frames.find((frame) => frame.type === "D");
  return row ? row.bytes.toString("utf8", 11) : "";
}

for (const format of [0, 1] as const)
  test(`detectors find what a text-like column holds and leave the rest alone (format ${format})`, async () => {
    const frames = await db.rows(
      "select t, v, c, n, x, ta, i8, num, f8, i4, d, u, b, m, nul from people",
      format,
    );
    const { cells, after } = masked(frames, { masks: detectors });
    assert.deepEqual(
      canariesIn(Buffer.concat(after), Buffer.alloc(0)).filter((c) => !/1977/.test(c)),
      [],
    );
    const [row = []] = cells;
    assert.deepEqual(row.slice(0, 3), ["[redacted]", "[redacted]", "[redacted] "]);
    assert.deepEqual(row.slice(5), [
      format === 0 ? '{[redacted],"x y"}' : '{[redacted],"x y"}',
      "0",
      "0",
      "4111111111111",
      "7391",
      "1977-07-07",
      "7391aaaa-7391-7391-7391-7391aaaabbbb",
      "t",
      format === 0 ? "calm" : "\\x63616c6d",
      null,
    ]);
  });

test("detectors see through the escapes of JSON and of bytea", async () => {
  const frames = await db.query(
    `select '{"a":"x\\u0040leak.example","n":4111111111111111,"k":1}'::json, convert_to('canary.ada@leak.example', 'UTF8'),
      array['{"a":"x\\u0040leak.example"}'::json]`,
  );
  const { cells } = masked(frames, { masks: detectors });
  const hidden = `\\x${Buffer.from("[redacted]").toString("hex")}`;
  assert.deepEqual(cells, [['{"a":"[redacted]","n":0,"k":1}', hidden, "{}"]]);
});

test("a binary value of a type we cannot rebuild becomes NULL when a detector matches in it", async () => {
  const frames = await db.rows("select row('canary.ada@leak.example', 1), row('fine', 2)", 1);
  const { cells } = masked(frames, { masks: detectors });
  assert.equal(cells[0]?.[0], null);
  assert.match(cells[0]?.[1] ?? "", /66696e65/);
});

test("rows that need nothing are the very buffers that came", async () => {
  const frames = await db.query("select i, 'item ' || i, i * 1.5, now() from generate_series(1, 50) i");
  const { before, after, rows } = masked(frames, { masks: detectors });
  assert.equal(rows.inert, false);
  const chunk = Buffer.concat(before);
  assert.ok(rows.clean(chunk, 0, chunk.length));
  for (const [i, frame] of before.entries())
    assert.equal(rows.row(frame, 0, frame.length), "untouched", String(i));
  assert.deepEqual(after, before);
});

test("a result of types that hold nothing is known to be inert", async () => {
  const frames = await db.query("select i4, b, d, u, ts, ia from people");
  assert.equal(masked(frames, { masks: detectors }).rows.inert, true);
});

test("identity decides, the name counts only where there is no identity", async () => {
  const masks = compileMasks({ mode: "strict", rules: [{ columns: ["*.email"], how: "redact" }] }, key);
  const frames = await db.query("select t as email, upper(t) as email, 'x' || t as other from people");
  const byIdentity = masked(frames, { masks });
  assert.deepEqual(byIdentity.cells, [["canary.ada@leak.example", "[redacted]", "xcanary.ada@leak.example"]]);
  const whole = masked(frames, { masks, masking: { kind: "whole", how: "hash" } });
  assert.match(whole.cells[0]?.[2] ?? "", /^\[hash:[a-p]{16}\]$/);
  assert.equal(whole.cells[0]?.[0], "canary.ada@leak.example");
});

test("formats of Bind count, not those of the statement's description", async () => {
  const described = await db.query("select i4, t from people");
  const description = described.find((frame) => frame.type === "T");
  assert.ok(description);
  const fields = parseRowDescription(description.bytes);
  const binary = (await db.rows("select i4, t from people", 1)).find((frame) => frame.type === "D");
  assert.ok(binary);
  const rows = compileRows(fields, {
    masks: nothing,
    masking: origin,
    maskedColumn: () => "redact",
    formats: [1],
  });
  assert.deepEqual(decodeRows(rows.maskRow(binary.bytes), rows.columns), [["0", "[redacted]"]]);
  assert.throws(() =>
    compileRows(fields, { masks: nothing, masking: origin, maskedColumn: () => undefined, formats: [2, 2] }),
  );
});

test("a row that is not what its description says is refused", async () => {
  const frames = await db.query("select t, t from people");
  const {
    fields,
    before: [row],
  } = masked(frames, { masks: nothing });
  assert.ok(row);
  const masks = compileRows(fields, { masks: nothing, masking: origin, maskedColumn: () => "redact" });
  const refused = { name: "IhcError", code: "invalid" };
  const fewer = Buffer.from(row);
  fewer.writeUInt16BE(1, 5);
  assert.throws(() => masks.maskRow(fewer), refused);
  assert.throws(() => masks.maskRow(row.subarray(0, row.length - 1)), refused);
  assert.throws(() => masks.maskRow(Buffer.concat([row, Buffer.alloc(3)])), refused);
});

test("recorded binary rows read as the server itself writes them", async () => {
  const sql = `select i2, i4, i8, num, -0.00012::numeric, 123456789.000010::numeric, 'NaN'::numeric, f8, b, d, '0044-03-15 BC'::date,
    'infinity'::date, ti, ts, '2024-02-29 23:59:59.5+00'::timestamptz, u, j, jb, by, ta, ia, array[null, 'NULL', ''], '{}'::int[] from people`;
  await db.query("set timezone to 'UTC'");
  const [text, binary] = [await db.rows(sql, 0), await db.rows(sql, 1)].map((frames) =>
    masked(frames, { masks: nothing }),
  );
  assert.deepEqual(binary?.cells, text?.cells);
});

test("recorded rows that are cut are corrupt", async () => {
  const {
    rows,
    before: [row],
  } = masked(await db.query("select t from people"), { masks: nothing });
  assert.ok(row);
  for (let end = 1; end < row.length; end++)
    assert.throws(() => decodeRows(row.subarray(0, end), rows.columns), { code: "corrupt" });
});
