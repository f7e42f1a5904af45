import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../src/base/duration.ts";

test("durations are read as people write them", () => {
  for (const [text, ms] of [
    ["90s", 90_000],
    ["30m", 1_800_000],
    ["1h30m", 5_400_000],
    ["2d", 172_800_000],
    ["1d1h1m1s", 90_061_000],
  ] as const)
    assert.equal(parseDuration(text), ms, text);
});

test("anything else is refused: no unit, zero, signs, fractions, blanks, the absurd", () => {
  for (const text of [
    "",
    "0",
    "0s",
    "30",
    "-5m",
    "+5m",
    "1.5h",
    " 5m",
    "5m ",
    "5 m",
    "5M",
    "5w",
    "m",
    "5m,",
    "1e3s",
    "١s",
    "9999999d",
    "5m\n",
  ])
    assert.throws(() => parseDuration(text), { code: "invalid" }, JSON.stringify(text));
});

test("what is written is read as the same, to the second", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 366 * 86_400 }), (seconds) => {
      assert.equal(parseDuration(formatDuration(seconds * 1000)), seconds * 1000);
    }),
  );
  assert.deepEqual([0, 400, -5, 59_999, 3_600_000].map(formatDuration), ["0s", "0s", "0s", "1m", "1h"]);
});
