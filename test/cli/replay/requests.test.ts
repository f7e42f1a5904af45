import assert from "node:assert/strict";
import { test } from "node:test";
import { castOf } from "../../../src/cli/replay/cast.ts";
import { commandReplay, commandReplays } from "../../../src/cli/replay/commands.ts";
import { parseEvents } from "../../../src/cli/replay/events.ts";
import { story } from "../../../src/cli/replay/story.ts";

const events = (...all: readonly object[]) => {
  const text = all.map((event, seq) => {
    const at = new Date(Date.UTC(2026, 0, 1, 12, 0, seq)).toISOString();
    return JSON.stringify({ seq, at, event });
  });
  return parseEvents(text.join("\n"));
};

const opened = {
  type: "session",
  session: "ses_1",
  person: "ana@acme.io",
  target: "prod-k8s",
  protocol: "kubernetes",
  reason: "stuck",
  approvedBy: ["lee@acme.io"],
  breakGlass: false,
  policyVersion: "p",
};
const asked = (id: number, verb: string, resource: string, more: object = {}, attributes: object = {}) => ({
  type: "operation",
  connection: "con_1",
  operation: `op_${id}`,
  kind: "request",
  text: "GET /x",
  parameters: [],
  effect: "read",
  resources: [],
  traits: [],
  attributes: { verb, resource, group: "", namespace: "prod-app", name: "", ...attributes },
  digest: "sha256:0",
  ...more,
});
const allowed = (id: number, more: object = {}) => ({
  type: "verdict",
  operation: `op_${id}`,
  verdict: "allow",
  rule: "oncall",
  ...more,
});
const answered = (id: number, status: string, more: object = {}) => ({
  type: "result",
  operation: `op_${id}`,
  status,
  rows: 1,
  bytes: 1500,
  recordedRows: 1,
  maskedColumns: [],
  ...more,
});
const rows = (id: number, format: string, text: string) => ({
  type: "rows",
  operation: `op_${id}`,
  format,
  data: Buffer.from(text).toString("base64"),
});
const output = (stream: string, text: string | Buffer) => ({
  type: "output",
  connection: "con_1",
  stream,
  data: Buffer.from(text).toString("base64"),
});
const texts = (...all: readonly object[]): readonly string[] =>
  story(events(opened, ...all))
    .slice(3)
    .map(({ text }) => text);

test("a request is a line with verdict, status, counts, time and what was masked", () => {
  const selected = { text: "GET /api/v1/namespaces/prod-app/pods?labelSelector=app%3Dweb" };
  assert.deepEqual(
    texts(
      { type: "identity", connection: "con_1", user: "ana@acme.io", groups: ["ihc:oncall", "ihc:sre"] },
      asked(1, "list", "pods", selected),
      allowed(1),
      answered(1, "200 OK", { rows: 2, maskedColumns: ["env/DB_PASSWORD", "data/token"] }),
    ),
    [
      "-- the target sees ana@acme.io, groups ihc:oncall, ihc:sre",
      "12:00:04  list    pods prod-app/* -l app=web  200 OK  2 objects  1.5 kB  1.0 s  allowed by oncall",
      "   masked 2 fields: env/DB_PASSWORD, data/token",
    ],
  );
});

test("a change shows its body, who approved it and under which request", () => {
  const body = { parameters: ["application/json", '{"spec":{"replicas":3}}'] };
  const scale = asked(1, "patch", "deployments/scale", body, { group: "apps", name: "web" });
  const by = { approvedBy: ["lee@acme.io"], request: "req_1", rule: "two-people" };
  const held = { type: "verdict", operation: "op_1", verdict: "hold", rule: "two-people", reason: "ask" };
  assert.deepEqual(texts(scale, held, allowed(1, by), answered(1, "200 OK")), [
    "12:00:01  patch   deployments.apps/scale prod-app/web  held by rule two-people: ask",
    "12:00:04  patch   deployments.apps/scale prod-app/web  200 OK  1 object  1.5 kB  1.0 s",
    "   approved by lee@acme.io as req_1 (rule two-people)",
    '   > {"spec":{"replicas":3}}',
  ]);
});

test("a refusal says its rule, and the cluster's own no says its message", () => {
  const status = rows(
    2,
    "k8s",
    '{"kind":"Status","message":"pods \\"x\\" not\\u001b[2J found","code":404}\n',
  );
  assert.deepEqual(
    texts(
      asked(1, "delete", "nodes", { traits: ["cluster-scoped"] }, { namespace: "", name: "n1" }),
      { type: "verdict", operation: "op_1", verdict: "deny", rule: "no-delete", reason: "never" },
      asked(2, "get", "pods", {}, { name: "x" }),
      allowed(2),
      status,
      answered(2, "404 Not Found"),
    ),
    [
      "12:00:01  delete  nodes n1",
      "   DENIED by rule no-delete: never",
      "12:00:06  get     pods prod-app/x  404 Not Found  1 object  1.5 kB  2.0 s  allowed by oncall",
      '   pods "x" not\\u001b[2J found',
    ],
  );
});

test("logs are shown as they were read, watches are counted, discovery is one line", () => {
  const log = asked(2, "get", "pods/log", { text: "GET /log?follow=true&container=c" }, { name: "web" });
  const found = (id: number) => asked(id, "get", "", { resources: ["/api"], traits: ["discovery"] });
  assert.deepEqual(
    texts(
      ...[found(1), allowed(1), answered(1, "200 OK")],
      ...[log, allowed(2), rows(2, "k8s-text", "one\ntwo\u001b]0;x\u0007\n"), answered(2, "200 OK")],
      ...[asked(3, "watch", "pods"), allowed(3), answered(3, "ended by the client", { rows: 7 })],
    ),
    [
      "-- 1 requests of discovery, all answered",
      "12:00:04  get     pods/log prod-app/web -c c --follow",
      "12:00:07  get     pods/log prod-app/web -c c --follow  200 OK  1.5 kB  2.0 s  allowed by oncall",
      "   one",
      "   two\\u001b]0;x\\u0007",
      "12:00:08  watch   pods prod-app/*",
      "12:00:10  watch   pods prod-app/*  ended by the client  7 events  1.5 kB  1.0 s  allowed by oncall",
    ],
  );
});

test("a request whose answer is missing stays on record", () => {
  assert.deepEqual(
    texts(asked(1, "list", "pods"), allowed(1), { type: "end", reason: "crash", complete: false }),
    [
      "12:00:01  list    pods prod-app/*",
      "   no answer is on record",
      "-- the session ended: crash (the recording is incomplete)",
    ],
  );
});

const shell = {
  kind: "exec",
  text: "GET /api/v1/namespaces/prod-app/pods/web/exec?command=sh&container=c&tty=true",
};
const exec = [
  asked(1, "exec", "pods/exec", shell, { name: "web", command: "sh" }),
  allowed(1),
  { type: "resize", connection: "con_1", columns: 101, rows: 33 },
  output("out", "\u001b[1mroot\u001b[m# \u001b]52;c;YQ==\u0007"),
  output("in", "ls\r"),
  output("out", Buffer.from([0xc3])),
  output("out", Buffer.from([0xbc, 0x0d, 0x0a, 0x1b])),
  output("out", "]0;title\u0007end"),
  answered(1, "exit 3, 3 bytes in, 40 bytes out", { bytes: 40, rows: 0 }),
];

test("in the log a command has the lines that it showed, without what steers a terminal", () => {
  assert.deepEqual(texts(...exec), [
    "12:00:01  exec 1  pods/exec prod-app/web -c c: sh",
    "   root# ü",
    "   end",
    " < ls",
    "12:00:09  exec 1: exit 3, 3 bytes in, 40 bytes out  7.0 s  allowed by oncall",
  ]);
});

test("a command is a cast of the terminal it had, of what draws and nothing else", () => {
  const { title, lines } = commandReplay(events(opened, ...exec), "1");
  assert.equal(title, "exec 1: prod-app/web sh");
  const [header, ...cast] = castOf(lines, title)
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(header.term, { cols: 101, rows: 33 });
  assert.deepEqual(
    cast.slice(0, 4).map(([, code, data]: readonly string[]) => [code, data]),
    [
      ["r", "101x33"],
      ["o", "\u001b[1mroot\u001b[m# "],
      ["o", "ü\r\n"],
      ["o", "end"],
    ],
  );
  assert.equal(cast[2][0], 3);
  assert.throws(() => commandReplay(events(opened), "1"), /no command 1/);
});

test("two commands at a time on two connections stay apart", () => {
  const second = [
    {
      ...asked(2, "exec", "pods/exec", { kind: "exec" }, { name: "worker", command: "id" }),
      connection: "con_2",
    },
    allowed(2),
    { ...output("out", "two\n"), connection: "con_2" },
  ];
  const all = commandReplays(
    events(opened, ...exec.slice(0, 4), ...second, ...exec.slice(4), answered(2, "exit 0")),
  );
  assert.deepEqual([...all.keys()], [1, 2]);
  assert.match(all.get(2)?.lines[0]?.text ?? "", /^two\r\n$/);
  assert.ok(!all.get(1)?.lines.some(({ text }) => text.includes("two")));
});
