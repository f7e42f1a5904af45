import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { clippedText, entryText, leafText, longestQuote, parseLeaf } from "../../../src/core/audit/leaf.ts";
import { rowDigest, vouchesOf } from "../../../src/core/audit/vouch.ts";

test("an entry comes back from its leaf with its index", () => {
  const detail = fc
    .dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue())
    .map((value) => JSON.parse(JSON.stringify(value)));
  fc.assert(
    fc.property(
      fc.string({ unit: "grapheme" }),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("9999-12-31") }),
      detail,
      fc.nat(),
      (kind, at, body, index) => {
        const entry = { kind, at, actor: "ana", detail: body };
        assert.deepEqual(parseLeaf(leafText(entryText(entry), index)), { index, entry });
      },
    ),
  );
});

test("a leaf in any other spelling than the canonical is not one", () => {
  const leaf = leafText(entryText({ kind: "x", at: new Date(0), actor: "a", detail: {} }), 0);
  assert.equal(parseLeaf(leaf).index, 0);
  for (const other of [
    ` ${leaf}`,
    leaf.replace(":", ": "),
    leaf.replace("{", '{"a":1,'),
    "",
    "[]",
    "null",
    "{}",
  ])
    assert.throws(() => parseLeaf(other), { code: "corrupt" }, other);
});

test("a long text is quoted in part, with the cut visible, and lone surrogates are replaced", () => {
  assert.equal(clippedText("short"), "short");
  const long = clippedText("😀".repeat(longestQuote));
  assert.ok(long.isWellFormed() && long.length < longestQuote + 50);
  assert.match(long, new RegExp(`${longestQuote} more characters`));
  assert.equal(clippedText("\ud800"), "\ufffd");
});

test("a row's digest sees every member, at any depth, and no order", () => {
  const row = { id: "a", at: new Date(0), list: [{ deep: 1 }], nothing: undefined };
  assert.equal(rowDigest(row), rowDigest({ list: [{ deep: 1 }], at: new Date(0), id: "a" }));
  for (const other of [
    { ...row, at: new Date(1) },
    { ...row, list: [{ deep: 2 }] },
    { ...row, more: null },
  ])
    assert.notEqual(rowDigest(row), rowDigest(other));
});

test("what is not a vouch is not read as one", () => {
  const vouch = { table: "grants", id: "gra_1", version: 1, digest: rowDigest({}) };
  assert.deepEqual(
    vouchesOf({ vouches: [vouch, { ...vouch, table: "other" }, { ...vouch, version: "1" }, 7] }),
    [vouch],
  );
  for (const nothing of [undefined, null, [], {}, { vouches: vouch }])
    assert.deepEqual(vouchesOf(nothing), []);
});
