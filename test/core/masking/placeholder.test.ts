import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyHoldsPlaceholder } from "../../../src/core/masking/placeholder.ts";
import { createReplacer } from "../../../src/core/masking/replace.ts";

const { value, found } = createReplacer(Buffer.alloc(32));
const base64 = (text: string): string => Buffer.from(text).toString("base64");
const made = [
  value("redact", "x"),
  value("hash", "x"),
  value("partial", "ana@acme.io"),
  value("partial", "4111111111111111"),
  value("partial", "hunter2"),
  found("partial", "card", "4111111111111111"),
  found("partial", "ssn", "900-11-2233"),
  found("partial", "api-key", "ghp_0123456789abcdefghij"),
];

for (const text of made)
  test(`${text} in a body is seen, in every form that kubectl sends it`, () => {
    for (const body of [
      JSON.stringify({ kind: "Secret", stringData: { a: text } }),
      JSON.stringify({ kind: "Secret", data: { a: base64(text) } }),
      JSON.stringify([{ op: "replace", path: "/data/a", value: base64(text) }]),
      `kind: Secret\ndata:\n  a: ${base64(text)}\n`,
      `kind: Secret\nstringData: {a: "${text}"}\n`,
      JSON.stringify({ a: JSON.stringify({ b: `"${text}"` }) }).replaceAll("[", "\\u005b"),
    ])
      assert.equal(bodyHoldsPlaceholder(Buffer.from(body)), true, body);
  });

for (const text of [
  "",
  "hunter2",
  "*** WARNING ***",
  "a ** b",
  "[hash:short]",
  "redacted",
  "QUJDREVGR0g=",
  "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
  "ana@acme.io",
])
  test(`a body with "${text}" is none with a placeholder`, () => {
    assert.equal(
      bodyHoldsPlaceholder(Buffer.from(JSON.stringify({ data: { a: text, b: base64(text) } }))),
      false,
    );
  });
