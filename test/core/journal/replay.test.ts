import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newId } from "../../../src/base/ids.ts";
import { hasHidden } from "../../../src/base/text.ts";
import { castLines, journalOf, parseCast } from "../../../src/core/journal/cast.ts";
import type { JournalEvent, Recorded } from "../../../src/core/journal/event.ts";
import { rowCount, tableLines } from "../../../src/core/journal/table.ts";
import { transcriber } from "../../../src/core/journal/transcript.ts";

const connection = newId("con");
const operation = newId("op");
const masked = (text: string) => text as never;
const bytes = (text: string) => Buffer.from(text) as Uint8Array as never;

const decoders = {
  lines: (data: Uint8Array) =>
    Buffer.from(data)
      .toString()
      .split("\n")
      .map((line) => line.split(",")),
};

function recorded(events: readonly JournalEvent[], step = 500): Recorded[] {
  return events.map((event, seq) => ({ seq, at: new Date(1_700_000_000_000 + seq * step), event }));
}

async function* stream(events: readonly Recorded[]): AsyncIterable<Recorded> {
  yield* events;
}

const story: readonly JournalEvent[] = [
  {
    type: "session",
    session: newId("ses"),
    person: "ana@example.com",
    target: "prod-db",
    protocol: "postgres",
    reason: "orders stuck",
    incident: "INC-7",
    approvedBy: ["lee@example.com"],
    breakGlass: false,
    policyVersion: "v1",
  },
  {
    type: "operation",
    connection,
    operation,
    kind: "statement",
    text: masked("select id, email\nfrom customers where id = $1"),
    parameters: [masked("7")],
    effect: "read",
    resources: [],
    traits: [],
    digest: masked(`sha256:${"0".repeat(64)}`),
  },
  { type: "verdict", operation, verdict: "allow", rule: "responders" },
  {
    type: "columns",
    operation,
    format: "lines",
    columns: [
      { name: masked("id"), type: "23", masked: false, binary: false },
      { name: masked("email"), type: "25", masked: true, binary: false },
    ],
  },
  { type: "rows", operation, format: "lines", data: bytes("7,a***@***.io") },
  {
    type: "result",
    operation,
    status: masked("SELECT 1"),
    rows: 3,
    bytes: 20,
    recordedRows: 1,
    maskedColumns: ["email"],
  },
  {
    type: "verdict",
    operation,
    verdict: "deny",
    rule: "no-unbounded-delete",
    reason: "DELETE without WHERE",
  },
  { type: "end", reason: "disconnected", complete: true },
];

test("a session reads like what was on the screen", () => {
  const transcribe = transcriber(decoders);
  const [session, ...rest] = recorded(story).map(transcribe);
  assert.match(
    session ?? "",
    /ana@example\.com on prod-db \(postgres\)\n-- reason: orders stuck \(INC-7\)\n-- access approved by lee@/,
  );
  assert.equal(
    rest.join(""),
    [
      "",
      "=> select id, email",
      "-> from customers where id = $1",
      "-- parameters: $1 = 7",
      " id |    email",
      "----+-------------",
      " 7  | a***@***.io",
      "(3 rows, 1 recorded)",
      "-- masked: email",
      "-- DENIED (rule no-unbounded-delete): DELETE without WHERE",
      "-- end: disconnected",
      "",
    ].join("\n"),
  );
});

test("nothing recorded can steer the reader's terminal, whatever member it is in", () => {
  const anything = fc.string({ unit: "binary" });
  const nasty = fc.oneof(
    anything,
    fc.constantFrom("\u001b]0;x\u0007", "\u001b[2J", "a\rb", "\u202e", "\u0000", "\u009b1m", "\u2028"),
  );
  fc.assert(
    fc.property(nasty, (text) => {
      const transcribe = transcriber(decoders);
      const spoiled = story.map((event) => spoil(event, text));
      for (const each of recorded([
        ...spoiled,
        { type: "output", connection, stream: "out", data: bytes(text) },
      ]))
        assert.ok(!hasHidden(transcribe(each)), JSON.stringify(each.event));
    }),
  );
});

function spoil(event: JournalEvent, text: string): JournalEvent {
  const replaced = JSON.stringify(event, (key, value) =>
    typeof value === "string" && !["type", "state", "verdict", "format", "operation"].includes(key)
      ? text
      : value,
  );
  const spoiled: JournalEvent = JSON.parse(replaced);
  return spoiled.type === "rows" ? { ...spoiled, data: bytes(text) } : spoiled;
}

test("a cast plays the session in order and time, and reads back as the same events", async () => {
  const terminal: JournalEvent[] = [
    { type: "resize", connection, columns: 100, rows: 30 },
    { type: "output", connection, stream: "out", data: bytes("\u001b[1mgr") },
    { type: "output", connection, stream: "in", data: bytes("ls\r") },
  ];
  const header = { title: "</script><b>", columns: 80, rows: 24 };
  const lines: string[] = [];
  for await (const line of castLines(stream(recorded(terminal)), header, transcriber(decoders)))
    lines.push(line);
  const cast = parseCast(lines.join(""));
  assert.deepEqual(cast.header, header);
  assert.deepEqual(
    cast.events.map(({ after }) => after),
    [0, 0.5, 0.5],
  );
  assert.deepEqual(
    cast.events.map((event) => journalOf(event, connection)),
    terminal,
  );
});

test("a character cut between two events is whole, and a clock that was set back does not run backwards", async () => {
  const euro = Buffer.from("€");
  const halves = [euro.subarray(0, 1), euro.subarray(1)].map(
    (data): JournalEvent => ({
      type: "output",
      connection,
      stream: "out",
      data: data as Uint8Array as never,
    }),
  );
  const lines: string[] = [];
  for await (const line of castLines(
    stream(recorded(halves, -500)),
    { title: "", columns: 1, rows: 1 },
    () => "",
  ))
    lines.push(line);
  assert.deepEqual(lines.slice(1), ['[0,"o","€"]\n']);
});

test("what is not a cast is refused", () => {
  const header = '{"version":3,"term":{"cols":80,"rows":24}}\n';
  assert.deepEqual(parseCast(`${header}# note\n[0.5,"o","x"]\n`).events, [
    { after: 0.5, code: "o", data: "x" },
  ]);
  for (const bad of [
    "",
    "{}",
    '{"version":2,"width":80,"height":24}',
    `${header}[1]`,
    `${header}[-1,"o","x"]`,
    `${header}[0,"q","x"]`,
    `${header}{`,
  ])
    assert.throws(() => parseCast(bad), { code: "invalid" }, bad);
});

test("a table keeps its columns apart with wide, long and missing values", () => {
  const rows = [
    ["1", "日本"],
    [null, "x".repeat(500)],
    ["", "a|b\nc"],
  ];
  const lines = tableLines([{ name: "n", right: true }, { name: "text" }], rows);
  const bar = lines[1]?.indexOf("+");
  assert.ok(lines.slice(2).every((line) => line[bar ?? 0] === "|"));
  assert.ok(lines.every((line) => !line.includes("\n") && line.length < 260));
  assert.match(lines[3] ?? "", /∅ \| x+…/);
  assert.equal(rowCount(1), "(1 row)");
  assert.equal(rowCount(10, 3), "(10 rows, 3 recorded)");
});
