import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { createReplacer } from "../../../src/core/masking/replace.ts";

test("a hash is the first half of HMAC-SHA-256's hexadecimal digits, as letters, for keys of any length", () => {
  const lengths = fc.uint8Array({ minLength: 0, maxLength: 200 });
  fc.assert(
    fc.property(lengths, fc.string({ unit: "binary" }), (key, value) => {
      const digest = createHmac("sha256", key).update(value).digest("hex").slice(0, 16);
      const letters = [...digest].map((c) => "abcdefghijklmnop"[Number.parseInt(c, 16)]).join("");
      assert.equal(createReplacer(key).value("hash", value), `[hash:${letters}]`);
    }),
  );
});

/** The same said with regular expressions. */
function partial(value: string): string {
  const numeric = /^[\d*][\d* ().-]*$|^\+[\d* ().-]+$/.test(value);
  if (!numeric) return /^[*\d]/.test(value) ? "***" : `${[...value][0] ?? ""}***`;
  const digits = value.replace(/\D/g, "").length;
  if (digits >= 13 || /^\*{12}\d{4}$/.test(value))
    return `${"*".repeat(12)}${value.replace(/\D/g, "").slice(-4)}`;
  const places = value.replace(/[^\d*]/g, "").length;
  let left = places;
  return value.replace(/[\d*]/g, (c) => (places >= 10 && left-- <= 2 ? c : "*"));
}

test("a partly masked value keeps what it should, whatever it is made of", () => {
  const replacer = createReplacer(Buffer.alloc(32));
  const numberLike = fc.string({ unit: fc.constantFrom(..."0123456789* ().-+a٣") });
  fc.assert(
    fc.property(fc.oneof(numberLike, fc.string({ unit: "grapheme" })), (value) => {
      if (!value.includes("@")) assert.equal(replacer.value("partial", value), partial(value));
    }),
    { numRuns: 1000 },
  );
});

test("of an address the first letter and a plausible suffix stay", () => {
  const replacer = createReplacer(Buffer.alloc(32));
  const cases: readonly (readonly [string, string])[] = [
    ["ana@acme.io", "a***@***.io"],
    ["a@acme.io", "***@***.io"],
    ["*x@acme.io", "***@***.io"],
    ["ana@acme", "a***@***.***"],
    ["ana.b@acme", "a***@***.***"],
    ["ana@acme.IO", "a***@***.***"],
    ["ana@acme.i", "a***@***.***"],
    ["ana@acme.abcdefghijklm", "a***@***.***"],
    ["ana@acme.рф", "a***@***.рф"],
    ["ana@acme.i0", "a***@***.***"],
  ];
  for (const [value, masked] of cases) assert.equal(replacer.value("partial", value), masked);
});
