import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson, type Json } from "../../src/base/json.ts";

test("RFC 8785's own examples come out as it prints them", () => {
  const sample: Json = {
    numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
    string: "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
    literals: [null, true, false],
  };
  assert.equal(
    canonicalJson(sample),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  );
  const keys: Json = { "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\u0080": 6, ö: 7 };
  assert.deepEqual(Object.values(JSON.parse(canonicalJson(keys)) as object).length, 7);
  assert.equal(canonicalJson(keys), '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}');
});

test("the same value gives the same bytes in whatever order it was written, and reads back", () => {
  const values = fc
    .jsonValue({ noUnicodeString: false })
    .map((value): Json => JSON.parse(JSON.stringify(value)));
  fc.assert(
    fc.property(values, (value) => {
      const text = canonicalJson(value);
      assert.deepEqual(JSON.parse(text), value);
      assert.equal(canonicalJson(JSON.parse(text)), text);
      assert.equal(canonicalJson(reversed(value)), text);
    }),
  );
});

test("what has no canonical form is refused instead of guessed", () => {
  for (const value of [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "\ud800",
    { "\udfff": 1 },
    [[Number.NEGATIVE_INFINITY]],
  ])
    assert.throws(() => canonicalJson(value), TypeError);
  assert.equal(canonicalJson(-0), "0");
});

test("a member called __proto__ is a member like any other", () => {
  const value: Json = JSON.parse('{"__proto__":{"a":1},"b":2}');
  assert.equal(canonicalJson(value), '{"__proto__":{"a":1},"b":2}');
});

function reversed(value: Json): Json {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reversed);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, reversed(member)]),
  );
}
