import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalJson, type Json } from "../../../src/base/json.ts";
import { plainText } from "../../../src/core/audit/plain.ts";

test("a record's text is the canonical JSON of what it holds", () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ noUnicodeString: false }).map((value): Json => JSON.parse(JSON.stringify(value))),
      (value) => {
        assert.equal(plainText(value), canonicalJson(value));
      },
    ),
  );
});

test("dates become text, absent members go, and lone surrogates do not stop a record from being kept", () => {
  const record = { b: new Date(0), a: undefined, c: ["\ud800"], "\udfff": null };
  assert.equal(plainText(record), '{"b":"1970-01-01T00:00:00.000Z","c":["\ufffd"],"\ufffd":null}');
});

test("what JSON cannot say is refused instead of dropped", () => {
  for (const value of [undefined, Number.NaN, () => 1, 1n, Symbol("x"), [undefined], { a: 1n }])
    assert.throws(() => plainText(value), TypeError);
});
