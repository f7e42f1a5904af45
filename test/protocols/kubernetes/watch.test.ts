import assert from "node:assert/strict";
import { test } from "node:test";
import { longestObject } from "../../../src/protocols/kubernetes/lists.ts";
import { base64, masked, maskedAnywhereCut, maskerOf, run } from "./answers.ts";

const canary = "CANARY-7f3a";
const detect = [{ detect: ["email", "card"], how: "redact" }];
const invalid = { name: "IhcError", code: "invalid" };
const watch = { asked: { watch: true } };
const events = [
  `{"type":"ADDED","object":{"kind":"Secret","data":{"a":"${base64(canary)}"}}}`,
  `{"type":"MODIFIED","object":{"data":{"a":"${base64(canary)}"},"kind":"Secret","m":"ana@leak.example"}}`,
  `{"type":"ADDED","object":{"kind":"Table","columnDefinitions":null,"rows":[{"cells":["a"],"object":{"stringData":{"a":"${canary}"}}}]}}`,
  '{"type":"BOOKMARK","object":{"kind":"Secret","metadata":{"resourceVersion":"12"}}}',
  `{"type":"ERROR","object":{"kind":"Status","message":"spec: Invalid value: \\"${canary}\\": no"}}`,
];

test("a watch comes out the same wherever its lines are cut", () => {
  const forms = maskedAnywhereCut(`${events.join("\n")}\n`, { ...watch, rules: detect });
  assert.equal(forms.size, 1);
  const [text = ""] = forms;
  for (const leak of [canary, base64(canary), "leak.example"]) assert.ok(!text.includes(leak), text);
  const lines = text.split("\n");
  assert.equal(lines.length, events.length + 1);
  assert.deepEqual(
    lines.slice(0, -1).map((line) => JSON.parse(line).type),
    ["ADDED", "MODIFIED", "ADDED", "BOOKMARK", "ERROR"],
  );
});

test("an event goes out as soon as it is complete", () => {
  const mask = maskerOf(watch);
  for (const event of events) {
    assert.equal(mask.push(Buffer.from(event.slice(0, -1))).length, 0);
    assert.ok(mask.push(Buffer.from("}\n")).length > 20);
  }
  assert.equal(mask.counts().objects, events.length);
});

test("an event of what was asked for needs no kind to be masked", () => {
  const event = `{"type":"ADDED","object":{"data":{"a":"${base64(canary)}"}}}\n`;
  assert.ok(!masked(event, { asked: { watch: true, resource: "secrets" } }).includes(base64(canary)));
});

test("a watch that ends inside of an event, or holds none, is an error", () => {
  for (const body of ['{"type":"ADDED","object":{', "ADDED {}", '{"type":}\n', '"\n"'])
    assert.throws(() => masked(body, watch), invalid);
  assert.equal(masked("", watch), "");
  assert.equal(masked("\n\n", watch), "\n\n");
});

test("an event that is larger than what can be held is refused", () => {
  const mask = maskerOf(watch);
  const piece = Buffer.alloc(1024 * 1024, "x");
  mask.push(Buffer.from('{"type":"'));
  assert.throws(
    () => {
      for (let i = 0; i < 3 * longestObject; i += piece.length) mask.push(piece);
    },
    { code: "too-large" },
  );
});

test("an error in place of a watch is a document", () => {
  const status = { kind: "Status", status: "Failure", message: "too old", code: 410 };
  const answer = run(status, { ...watch, status: 410, step: 3 });
  assert.equal(answer.text, JSON.stringify(status));
});
