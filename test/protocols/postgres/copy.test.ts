import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { detectorNames, type How } from "../../../src/core/masking/rule.ts";
import { type CopyOut, compileCopy } from "../../../src/protocols/postgres/copy.ts";
import { frame } from "../../../src/protocols/postgres/wire/encode.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { openRaw, type RawConnection } from "./raw.ts";

const key = Buffer.alloc(32, 7);
const nothing = compileMasks({ mode: "strict", rules: [] }, key);
const columns = compileMasks({ mode: "strict", rules: [{ columns: ["*.ssn"], how: "redact" }] }, key);
const detectors = compileMasks({ mode: "strict", rules: [{ detect: detectorNames, how: "redact" }] }, key);

let server: PostgresServer;
let db: RawConnection;
before(async () => {
  server = await startPostgres();
  db = await openRaw(server);
  await db.query("create table people (id int, name text, email text)");
  await db.query(String.raw`insert into people values (1, E'Ada\tL\nx\\y', 'canary.ada@leak.example'), (2, null, 'a,"b" canary.bob@leak.example'),
    (3, '\N', ''), (4, '{"a":"x\u0040leak.example"}', '900-11-2233'), (5, 'plain', null)`);
});
after(async () => {
  db.close();
  await server.stop();
});

/** What psql would store: the data of COPY, masked, in frames cut at `size`. */
async function copied(
  sql: string,
  action: CopyOut,
  masks = nothing,
  size = Number.POSITIVE_INFINITY,
): Promise<string> {
  const frames = await db.query(sql);
  assert.ok(
    frames.every(({ type }) => type !== "E"),
    "COPY runs",
  );
  const data = Buffer.concat(frames.filter(({ type }) => type === "d").map(({ bytes }) => bytes.subarray(5)));
  const mask = compileCopy(action, masks);
  const out: Buffer[] = [];
  const step = Math.min(size, data.length);
  for (let at = 0; at < data.length; at += step)
    out.push(Buffer.from(mask.push(data.subarray(at, at + step))));
  out.push(Buffer.from(mask.end()));
  return Buffer.concat(out).toString();
}

const options = (csv: Partial<NonNullable<CopyOut["csv"]>>) => ({
  delimiter: ",",
  quote: '"',
  escape: '"',
  header: false,
  null: "",
  ...csv,
});
const masked: readonly (How | undefined)[] = [undefined, "redact", "partial"];
const forms: readonly (readonly [sql: string, action: CopyOut])[] = [
  ["copy people to stdout", { kind: "copy-out", format: "text", columns: masked }],
  [
    "copy people to stdout (delimiter '|', null 'nil')",
    { kind: "copy-out", format: "text", columns: masked, csv: options({ delimiter: "|", null: "nil" }) },
  ],
  [
    "copy people to stdout (format csv, header)",
    { kind: "copy-out", format: "csv", columns: masked, csv: options({ header: true }) },
  ],
  [
    "copy people to stdout (format csv, delimiter ';', quote '''', escape '\\', force_quote *)",
    {
      kind: "copy-out",
      format: "csv",
      columns: masked,
      csv: options({ delimiter: ";", quote: "'", escape: "\\" }),
    },
  ],
];

for (const [sql, action] of forms)
  test(`COPY masks by position and PostgreSQL reads it back: ${sql}`, async () => {
    const out = await copied(sql, action);
    assert.deepEqual(await readBack(sql, out), [
      ["1", "[redacted]", "c***@***.example"],
      ["2", null, "a***@***.example"],
      ["3", "[redacted]", "***"],
      ["4", "[redacted]", "***-**-****"],
      ["5", "[redacted]", null],
    ]);
  });

for (const [sql, action] of forms)
  test(`COPY is masked the same wherever its frames are cut: ${sql}`, async () => {
    const whole = await copied(sql, action, detectors);
    for (let size = 1; size < 60; size += 7) assert.equal(await copied(sql, action, detectors, size), whole);
  });

for (const [sql, { columns: _columns, ...action }] of forms)
  test(`the detectors look where no position is known: ${sql}`, async () => {
    const rows = await readBack(sql, await copied(sql, action, detectors));
    assert.deepEqual(rows, [
      ["1", "Ada\tL\nx\\y", "[redacted]"],
      ["2", null, 'a,"b" [redacted]'],
      ["3", "\\N", ""],
      ["4", '{"a":"[redacted]"}', "[redacted]"],
      ["5", "plain", null],
    ]);
  });

/** Loads the output into PostgreSQL again with the same options. */
async function readBack(sql: string, data: string): Promise<readonly (readonly (string | null)[])[]> {
  await db.query("create temp table back (id text, name text, email text)");
  const load = sql.replace("people to stdout", "back from stdin").replace(", force_quote *", "");
  const answer = await db.exchange(
    frame("Q", Buffer.from(`${load}\0`)),
    frame("d", Buffer.from(data)),
    frame("c"),
  );
  assert.deepEqual(
    answer.filter(({ type }) => type === "E").map(({ bytes }) => bytes.toString()),
    [],
  );
  const [row] = (
    await db.query("select json_agg(json_build_array(id, name, email) order by id) from back")
  ).filter(({ type }) => type === "D");
  await db.query("drop table back");
  const parsed: readonly (readonly (string | null)[])[] = JSON.parse(row?.bytes.toString("utf8", 11) ?? "[]");
  return parsed;
}

test("data that needs nothing is passed as it came", () => {
  const mask = compileCopy({ kind: "copy-out", format: "text" }, detectors);
  const same = Buffer.from("1\tplain\n");
  assert.equal(mask.push(same), same);
});

test("binary COPY is refused where there is anything to mask", () => {
  const binary: CopyOut = { kind: "copy-out", format: "binary" };
  for (const masks of [columns, detectors])
    assert.throws(() => compileCopy(binary, masks), { code: "denied", rule: "binary-copy" });
  const bytes = Buffer.from("PGCOPY");
  assert.equal(compileCopy(binary, nothing).push(bytes), bytes);
});

test("a row with other columns than the statement's is refused", () => {
  const mask = compileCopy({ kind: "copy-out", format: "text", columns: masked }, nothing);
  assert.throws(() => mask.push(Buffer.from("1\tx\n")), { code: "invalid" });
});
