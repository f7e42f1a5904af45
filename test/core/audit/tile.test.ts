import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeBundle, encodeBundle, tilePath } from "../../../src/core/audit/tile.ts";

test("tiles are served where tlog-tiles says", () => {
  const places: [number | "entries", number, number, string][] = [
    [0, 0, 256, "tile/0/000"],
    [1, 7, 12, "tile/1/007.p/12"],
    [0, 1234067, 256, "tile/0/x001/x234/067"],
    ["entries", 67, 1, "tile/entries/067.p/1"],
    ["entries", 1000, 256, "tile/entries/x001/000"],
  ];
  for (const [level, number, width, path] of places) assert.equal(tilePath(level, number, width), path);
});

test("an entry bundle gives back its leaves, and cut anywhere else than between two it is refused", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" }), { maxLength: 20 }), (leaves) => {
      assert.deepEqual(decodeBundle(encodeBundle(leaves)), leaves);
    }),
  );
  const bundle = encodeBundle(["one", "two"]);
  for (let end = 1; end < bundle.length; end++)
    if (end !== 5) assert.throws(() => decodeBundle(bundle.subarray(0, end)), RangeError, `${end}`);
});
