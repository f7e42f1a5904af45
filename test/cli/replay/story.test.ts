import assert from "node:assert/strict";
import { test } from "node:test";
import { IhcError } from "../../../src/base/errors.ts";
import { castOf } from "../../../src/cli/replay/cast.ts";
import { parseEvents } from "../../../src/cli/replay/events.ts";
import { grid } from "../../../src/cli/replay/grid.ts";
import { move, schedule } from "../../../src/cli/replay/player.ts";
import { story } from "../../../src/cli/replay/story.ts";

const at = (seconds: number): string => new Date(1_700_000_000_000 + seconds * 1000).toISOString();
const line = (seq: number, event: object, seconds = seq): string =>
  JSON.stringify({ seq, at: at(seconds), event });

/** DataRow (PostgreSQL protocol 3.0) with text columns. */
function dataRow(...cells: readonly (string | null)[]): Buffer {
  const parts = cells.flatMap((cell) => {
    const size = Buffer.alloc(4);
    size.writeInt32BE(cell === null ? -1 : Buffer.byteLength(cell));
    return cell === null ? [size] : [size, Buffer.from(cell)];
  });
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(7);
  head.write("D");
  head.writeInt32BE(6 + body.length, 1);
  head.writeUInt16BE(cells.length, 5);
  return Buffer.concat([head, body]);
}

const column = (name: string, masked = false): object => ({ name, type: "25", masked, binary: false });
const recording = [
  line(0, {
    type: "session",
    session: "ses_1",
    person: "ana",
    target: "prod-db",
    protocol: "postgres",
    reason: "stuck\u001b[2J",
    incident: "INC-1",
    approvedBy: ["lee"],
    breakGlass: false,
    policyVersion: "p",
  }),
  line(1, { type: "connection", connection: "con_1", state: "open" }),
  line(2, {
    type: "operation",
    connection: "con_1",
    operation: "op_1",
    kind: "statement",
    text: "select id,\nemail from c where id = $1",
    parameters: ["7"],
    effect: "read",
    resources: [],
    traits: [],
    digest: "sha256:0",
  }),
  line(3, { type: "verdict", operation: "op_1", verdict: "allow", rule: "r" }),
  line(4, {
    type: "columns",
    operation: "op_1",
    format: "pg",
    columns: [column("id"), column("email", true)],
  }),
  line(5, {
    type: "rows",
    operation: "op_1",
    format: "pg",
    data: Buffer.concat([dataRow("7", "a***"), dataRow("12", "\u001b]0;x\u0007")]).toString("base64"),
  }),
  line(6, {
    type: "result",
    operation: "op_1",
    status: "SELECT 5",
    rows: 5,
    bytes: 99,
    recordedRows: 2,
    maskedColumns: ["email"],
  }),
  line(7, {
    type: "operation",
    connection: "con_1",
    operation: "op_2",
    kind: "statement",
    text: "delete from orders",
    parameters: [],
    effect: "destroy",
    resources: [],
    traits: ["no-where"],
    digest: "sha256:0",
  }),
  line(8, {
    type: "verdict",
    operation: "op_2",
    verdict: "deny",
    rule: "no-unbounded-delete",
    reason: "no WHERE",
  }),
  line(900, { type: "end", reason: "expired", complete: false }, 900),
].join("\n");

test("a recording reads like psql: statements, parameters, verdicts, masked rows, counts", () => {
  assert.deepEqual(
    story(parseEvents(recording)).map(({ text }) => text),
    [
      "-- ses_1: ana on prod-db (postgres)",
      "-- reason: stuck\\u001b[2J (INC-1)",
      "-- approved by lee",
      "-- connection 1 opened",
      "prod-db=> select id,",
      "prod-db-> email from c where id = $1",
      "   $1 = 7",
      " id |      email",
      "----+------------------",
      "  7 | a***",
      " 12 | \\u001b]0;x\\u0007",
      "(5 rows)",
      "-- 2 of 5 rows recorded, 99 bytes shown to the client",
      "-- masked: email",
      "prod-db=> delete from orders",
      "ERROR:  denied by rule no-unbounded-delete: no WHERE",
      "-- the session ended: expired (the recording is incomplete)",
    ],
  );
});

test("nothing that steers a terminal is left in the transcript", () => {
  for (const { text } of story(parseEvents(recording))) assert.doesNotMatch(text, /\p{Cc}/u);
});

test("an asciicast has a header and one event a line, with silences as they were", () => {
  const [header = "", ...events] = castOf(story(parseEvents(recording)), "ses_1")
    .trimEnd()
    .split("\n");
  assert.equal(JSON.parse(header).version, 3);
  assert.equal(JSON.parse(header).title, "ses_1");
  const total = events.reduce((sum, event) => sum + JSON.parse(event)[0], 0);
  assert.equal(Math.round(total), 900);
});

test("silences are cut, seeking moves by ten seconds and never before the start", () => {
  const times = schedule(story(parseEvents(recording)), 2000);
  assert.ok((times.at(-1) ?? 0) < 30_000);
  const start = { next: 0, now: 0, paused: false };
  assert.equal(move(start, "left", 0, times).now, 0);
  assert.equal(move(start, "right", 0, times).now, 10_000);
  assert.equal(move(start, ".", 0, times).next, 1);
  assert.equal(move({ ...start, paused: true }, undefined, 5, times).next, 0);
  assert.equal(move(start, "space", 0, times).paused, true);
});

test("numbers stand to the right, null is empty", () => {
  assert.deepEqual(
    grid(
      ["n", "t"],
      [
        ["1", null],
        ["20", "x"],
      ],
    ),
    [" n  | t", "----+---", "  1 |", " 20 | x"],
  );
});

test("an event that is not known, or not JSON, is a corrupt recording", () => {
  for (const text of [
    "{",
    line(0, { type: "surprise" }),
    JSON.stringify({ seq: "x", at: at(0), event: { type: "note", text: "" } }),
  ])
    assert.throws(
      () => parseEvents(text),
      (error) => error instanceof IhcError && error.code === "corrupt",
    );
});
