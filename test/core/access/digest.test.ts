import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { sha256 } from "../../../src/base/bytes.ts";
import { canonicalJson, type Json } from "../../../src/base/json.ts";
import { operationDigest } from "../../../src/core/access/digest.ts";
import type { PersonId } from "../../../src/core/access/principal.ts";

const json: fc.Arbitrary<Json> = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.boolean(),
  fc.constant(null),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.dictionary(fc.string(), fc.integer(), { maxKeys: 3 }),
);

const ana = "idp|ana" as PersonId;

test("an operation's digest is sha256 of its canonical JSON, whatever its parameters are", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.array(json, { maxLength: 4 }), (text, parameters) => {
      const op = { kind: "statement", text, parameters };
      const via = { name: "codex", version: "1" };
      const whole = { ...op, target: "db", person: ana, via };
      assert.equal(operationDigest(op, "db", { person: ana, via }), sha256(canonicalJson(whole)));
    }),
  );
});

test("a text that has no canonical form has no digest", () => {
  const person = { person: ana };
  for (const op of [
    { kind: "statement", text: "select '\ud83d'", parameters: [] },
    { kind: "statement", text: "select $1", parameters: ["\udc00"] },
    { kind: "statement", text: "select $1", parameters: [Number.NaN] },
  ])
    assert.throws(() => operationDigest(op, "db", person), TypeError);
});
