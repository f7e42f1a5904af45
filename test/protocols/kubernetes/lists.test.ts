import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { longestObject } from "../../../src/protocols/kubernetes/lists.ts";
import { base64, masked, maskedAnywhereCut, maskerOf, run } from "./answers.ts";

const canary = "CANARY-7f3a";
const detect = [{ detect: ["email", "card"], how: "redact" }];
const invalid = { name: "IhcError", code: "invalid" };

const list = `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"12"},"items":[ {"metadata":{"name":"a","annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\\"env\\":[{\\"name\\":\\"API_TOKEN\\",\\"value\\":\\"${canary}\\"}]}\\n"},"managedFields":[{"k:{\\"name\\":\\"web\\"}":{}}]},"n":[1,-2.5e3,true,null,""],"env":[{"value":"${canary}","name":"DB_P\\u0041SSWORD"}]} ,{"kind":"Secret","data":{"é":"${base64(canary)}"},"m":"an\\u0061@leak.example"}],"x":{"a":[[],{}]}}\n`;

test("a list comes out the same wherever it is cut", () => {
  const forms = maskedAnywhereCut(list, { rules: detect });
  assert.equal(forms.size, 1);
  const [text = ""] = forms;
  assert.ok(!text.includes(canary) && !text.includes(base64(canary)) && !text.includes("leak.example"), text);
  assert.deepEqual(JSON.parse(text).items[0].n, [1, -2500, true, null, ""]);
  assert.equal(JSON.parse(text).metadata.resourceVersion, "12");
});

test("a table comes out the same wherever it is cut", () => {
  const table = `{"kind":"Table","columnDefinitions":[{"name":"Name"}],"rows":[{"cells":["a","to ana@leak.example",4111111111111111],"object":{"kind":"Secret","stringData":{"a":"${canary}"}}}]}`;
  const forms = maskedAnywhereCut(table, { rules: detect, asked: { resource: "secrets" } });
  assert.deepEqual(
    [...forms],
    [
      '{"kind":"Table","columnDefinitions":[{"name":"Name"}],"rows":[{"cells":["a","to [redacted]",0],"object":{"kind":"Secret","stringData":{"a":"[redacted]"}}}]}',
    ],
  );
});

test("a list that is read in batches comes out the same", () => {
  const items = Array.from({ length: 200 }, (_, i) => ({
    kind: "Secret",
    data: { [`k${i}`]: base64(canary) },
  }));
  const body = JSON.stringify({ kind: "SecretList", items, metadata: {} });
  const whole = masked(body);
  assert.ok(!whole.includes(base64(canary)));
  for (const batch of [10, 100, 1000, 100_000])
    for (const step of [7, 64, 999]) assert.equal(masked(body, { batch, step }), whole);
});

test("objects are counted, and which fields were masked", () => {
  const { objects, masked: fields } = run(list, { step: 11, rules: detect });
  assert.equal(objects, 2);
  assert.deepEqual([...fields].sort(), [
    "data/é",
    "env/API_TOKEN",
    "env/DB_PASSWORD",
    "m",
    "metadata/annotations/kubectl.kubernetes.io/last-applied-configuration",
  ]);
  assert.equal(run({ kind: "Pod" }).objects, 1);
  assert.equal(run({ kind: "PodList", items: [] }).objects, 0);
});

for (const [what, body] of [
  ["nothing", ""],
  ["a text that ends", '{"kind":"Pod","spec":{'],
  ["a list that ends", '{"items":[{"a":1},'],
  ["a list without its brace", '{"items":[{"a":1}]'],
  ["something behind it", '{"kind":"Pod"}{"kind":"Pod"}'],
  ["something behind a list", '{"items":[]}x'],
  ["a missing comma", '{"a":1 "b":2}'],
  ["a missing comma in a list", '{"items":[{} {}]}'],
  ["two commas", '{"items":[{},,{}]}'],
  ["a comma at the end", '{"items":[{},]}'],
  ["a comma before the brace", '{"a":1,}'],
  ["a comma at the beginning", '{,"a":1}'],
  ["brackets that do not match", '{"a":[1}]'],
  ["a missing colon", '{"a" 1}'],
  ["a name without quotes", "{a:1}"],
  ["a word that is none", '{"a":nul}'],
  ["a number that is none", '{"a":01}'],
  ["a number with a sign too much", '{"a":--1}'],
  ["a line break in a string", '{"a":"\n"}'],
  ["an escape that is none", '{"a":"\\x41"}'],
  ["a broken escape in a name", '{"kin\\u00zz":"Secret"}'],
  ["single quotes", "{'a':1}"],
  ["a comment", '{"a":1/**/}'],
  ["HTML", "<html></html>"],
] as const)
  test(`an answer that is no JSON is refused: ${what}`, () => {
    assert.throws(() => masked(body), invalid);
    assert.throws(() => masked(body, { step: 1 }), invalid);
  });

test("nesting deeper than any schema is refused", () => {
  for (const depth of [600, 200_000]) {
    assert.throws(() => masked(`{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`), invalid);
    assert.throws(() => masked(`{"items":[${'{"a":'.repeat(depth)}1${"}".repeat(depth)}]}`), invalid);
  }
  assert.doesNotThrow(() => masked(`{"a":${"[".repeat(400)}${"]".repeat(400)}}`));
});

test("a list is passed on item by item, and one item is all that is held", () => {
  const mask = maskerOf({ rules: detect });
  let out = mask.push(Buffer.from('{"kind":"PodList","items":[')).length;
  const item = Buffer.from(`{"metadata":{"name":"${"x".repeat(10_000)}"}},`);
  for (let i = 1; i <= 2000; i++) {
    out += mask.push(item).length;
    assert.ok(i * item.length - out < 2 * item.length);
  }
});

test("an object that is larger than what can be held is refused", () => {
  const mask = maskerOf();
  mask.push(Buffer.from('{"items":[{"a":"'));
  const piece = Buffer.alloc(1024 * 1024, "x");
  assert.throws(
    () => {
      for (let i = 0; i < 3 * longestObject; i += piece.length) mask.push(piece);
    },
    { name: "IhcError", code: "too-large" },
  );
});

test("a large object in small pieces is not read anew for each of them", () => {
  const body = JSON.stringify({ kind: "ConfigMap", data: { a: "x".repeat(4_000_000), b: canary } });
  assert.equal(masked(body, { step: 4096 }), body);
});

test("whatever the objects, none of their secrets come out and nothing else changes", () => {
  const key = fc.constantFrom(
    "kind",
    "data",
    "stringData",
    "items",
    "env",
    "name",
    "value",
    "spec",
    "object",
    'é"\\',
    "metadata",
  );
  const leaf = fc.constantFrom(
    "Secret",
    "ConfigMap",
    "List",
    "SecretList",
    "DB_PASSWORD",
    "MODE",
    "{",
    '{"a":1}',
    "\\u0041",
    7,
    true,
    null,
    "",
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 6, depthSize: "small" },
      leaf,
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 5 }),
      fc.record({ kind: fc.constant("Secret"), data: fc.dictionary(key, fc.constant(base64(canary))) }),
      fc.record({
        data: fc.record({ k: fc.constant(base64(canary)) }),
        x: tie("tree"),
        kind: fc.constant("Secret"),
      }),
      fc.record({ value: fc.constant(canary), name: fc.constant("DB_PASSWORD"), x: tie("tree") }),
      fc.record({ stringData: fc.record({ a: fc.constant(canary) }) }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(key, tree, { maxKeys: 6 }), fc.integer({ min: 1, max: 40 }), (body, step) => {
      const before = JSON.stringify(body);
      const text = masked(body, { step, rules: detect });
      assert.ok(!text.includes(canary) && !text.includes(base64(canary)), text);
      assert.equal(masked(text, { rules: detect }), text, "masking twice is masking once");
      assert.deepEqual(shape(JSON.parse(text)), shape(JSON.parse(before)));
    }),
    { numRuns: 400 },
  );
});

/** Structure and names without the leaves. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value !== "object" || value === null) return typeof value;
  return Object.entries(value).map(([name, inner]) => [name, shape(inner)]);
}
