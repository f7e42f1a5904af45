import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasHidden, visible, visibleJson, visibleLines } from "../../src/base/text.ts";

const steering: readonly [string, string][] = [
  ["\u001b[2J", "\\u001b[2J"],
  ["a\rb", "a\\rb"],
  ["a\nb\tc", "a\\nb\\tc"],
  ["\u0000\u007f", "\\u0000\\u007f"],
  ["\u009b31m", "\\u009b31m"],
  ["\u202eevil\u2066", "\\u202eevil\\u2066"],
  ["a\u200bb\ufeff", "a\\u200bb\\ufeff"],
  ["\u2028\u2029", "\\u2028\\u2029"],
  ["\u{e0041}", "\\u{e0041}"],
  ["\ud800", "\ufffd"],
];

test("whatever could steer a terminal or hide from a reader is shown as an escape", () => {
  for (const [text, shown] of steering) assert.equal(visible(text), shown);
});

test("ordinary text of any script stays as it is", () => {
  for (const text of ["", "select 'ü' -- naïve", "日本語", "שלום", "👍🏽", "e\u0301", "\\n"]) {
    assert.equal(visible(text), text);
    assert.ok(!hasHidden(text));
  }
});

test("lines and tabs stay where a statement is shown over several lines, and nothing else", () => {
  assert.equal(visibleLines("a\n\tb\r\u001b"), "a\n\tb\\r\\u001b");
  assert.ok(!hasHidden("a\n\tb"));
  for (const text of ["a\r", "\u001b", "\u202e", "\u2028"]) assert.ok(hasHidden(text));
});

test("no text comes out with a character that steers", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const shown = visible(text);
      assert.ok(shown.isWellFormed() && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(shown));
      assert.equal(visible(shown), shown);
    }),
  );
});

test("JSON for a terminal is the same value without a character that steers", () => {
  const value = { text: "a\u001b[2J\u007f\u009b\u202e\u2028\u{e0041}é\n\u{1f600}" };
  const text = visibleJson(value);
  assert.deepEqual(JSON.parse(text), value);
  assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  assert.ok(text.includes("é") && text.includes("\u{1f600}"));
});
