import assert from "node:assert/strict";
import { test } from "node:test";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { parseMasking } from "../../../src/core/masking/parse.ts";

const wrong = { name: "IhcError", code: "config" };

test("rules are read strictly", () => {
  assert.deepEqual(parseMasking(undefined), { rules: [], mode: "strict" });
  assert.deepEqual(parseMasking([{ columns: ["*.ssn"], how: "partial" }, { detect: ["card"] }], "lenient"), {
    rules: [
      { columns: ["*.ssn"], how: "partial" },
      { detect: ["card"], how: "redact" },
    ],
    mode: "lenient",
  });
});

for (const [what, raw, mode] of [
  ["a mistyped key", [{ columns: ["*.ssn"], hwo: "partial" }], undefined],
  ["an unknown detector", [{ detect: ["phone"], how: "redact" }], undefined],
  ["an unknown how", [{ columns: ["*.ssn"], how: "mask" }], undefined],
  ["no columns", [{ columns: [], how: "redact" }], undefined],
  ["both kinds in one", [{ columns: ["a"], detect: ["card"] }], undefined],
  ["a rule that is no list", { columns: ["a"] }, undefined],
  ["an unknown mode", [], "loose"],
  ["an empty part", [{ columns: ["app..ssn"] }], undefined],
  ["a trailing dot", [{ columns: ["app.customers."] }], undefined],
  ["a blank", [{ columns: ["app.customers. ssn"] }], undefined],
  ["an open quote", [{ columns: ['"app.ssn'] }], undefined],
] as const)
  test(`a masking rule with ${what} stops the start`, () => {
    assert.throws(() => parseMasking(raw, mode), wrong);
  });

test("column patterns name columns", () => {
  const names = (pattern: string) =>
    compileMasks(parseMasking([{ columns: [pattern], how: "hash" }]), Buffer.alloc(32));
  const truth: readonly (readonly [string, string, string, string, boolean])[] = [
    ["app.customers.email", "app", "customers", "email", true],
    ["app.customers.email", "app", "customers", "email2", false],
    ["app.customers.email", "other", "customers", "email", false],
    ["customers.email", "any", "customers", "email", true],
    ["*.ssn", "app", "part_1", "ssn", true],
    ["ssn", "app", "part_1", "SSN", true],
    ["*.*.ssn", "app", "t", "ssn", true],
    ["app.part*.ssn", "app", "part_1", "ssn", true],
    ["app.part*.ssn", "app", "apart", "ssn", false],
    ["app.*.*_key", "app", "t", "api_key", true],
    ["app.*.a*b*c", "app", "t", "aXbYc", true],
    ["app.*.a*b*c", "app", "t", "aXbY", false],
    ["app.*.ab*ba", "app", "t", "aba", false],
    ["app.customers.prefs.phone", "app", "customers", "prefs", true],
    ['"my.app".t.c', "my.app", "t", "c", true],
  ];
  for (const [pattern, schema, table, column, expected] of truth)
    assert.equal(
      names(pattern).column(schema, table, column),
      expected ? "hash" : undefined,
      `${pattern} ${table}.${column}`,
    );
  assert.equal(names("*.ssn").name("ssn"), "hash");
  assert.equal(names("app.*.ssn").name("ssn"), undefined);
  assert.equal(names("*.*.prefs.phone").name("prefs"), "hash");
});

test("the first rule that names a column or a detector wins", () => {
  const plan = compileMasks(
    parseMasking([
      { columns: ["*.ssn"], how: "null" },
      { columns: ["app.*.*"], how: "hash" },
      { detect: ["email"], how: "partial" },
      { detect: ["email", "card"], how: "redact" },
    ]),
    Buffer.alloc(32),
  );
  assert.equal(plan.column("app", "t", "ssn"), "null");
  assert.equal(plan.column("app", "t", "other"), "hash");
  assert.equal(plan.detects("email"), "partial");
  assert.equal(plan.detects("card"), "redact");
  assert.equal(plan.detects("jwt"), undefined);
});
