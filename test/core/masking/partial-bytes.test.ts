import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { longestPartial, partialInto } from "../../../src/core/masking/partial-bytes.ts";
import { createReplacer } from "../../../src/core/masking/replace.ts";

const replacer = createReplacer(Buffer.alloc(32, 7));

/** The form made of bytes, undefined where it is left to the text form. */
function ofBytes(value: string): string | undefined {
  const bytes = Buffer.from(`<${value}>`);
  const out = Buffer.alloc(longestPartial + 8, "#");
  const length = partialInto(bytes, 1, bytes.length - 1, out, 4);
  if (length < 0) return undefined;
  assert.ok(length <= longestPartial);
  assert.equal(out.toString("latin1", 0, 4), "####", "nothing is written in front");
  assert.match(out.toString("latin1", 4 + length), /^#*$/, "and nothing behind");
  return out.toString("latin1", 4, 4 + length);
}

const alphabet = [..."ab@.*+-() 019Z%"];
const value = fc.oneof(
  fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 40 }),
  fc.string({ unit: fc.constantFrom(..."0123456789 -*"), maxLength: 24 }),
  fc.emailAddress(),
  fc.string({ unit: "binary-ascii", maxLength: 30 }),
  fc.string({ unit: "grapheme", maxLength: 30 }),
  fc.string({ unit: fc.constantFrom("7", "x"), minLength: 505, maxLength: 520 }),
);

test("the form made of bytes is the one made of the text, whatever the value", () => {
  let made = 0;
  fc.assert(
    fc.property(value, (text) => {
      const shown = ofBytes(text);
      if (shown === undefined) return;
      made++;
      assert.equal(shown, replacer.value("partial", text), text);
    }),
    { numRuns: 5000 },
  );
  assert.ok(made > 2000, `${made} values were masked without a text`);
});

test("ordinary values need no text; cards, other scripts and long values are left to it", () => {
  for (const [text, shown] of [
    ["ana@acme.io", "a***@***.io"],
    ["a@acme.io", "***@***.io"],
    ["+49-555-01990", "+**-***-***90"],
    ["Ada Lovelace", "A***"],
    ["7391", "****"],
  ] as const)
    assert.equal(ofBytes(text), shown);
  for (const text of ["", "4111 1111 1111 1111", "************1111", "Zoë", "x".repeat(513)])
    assert.equal(ofBytes(text), undefined, text);
});
