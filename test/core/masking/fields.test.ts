import assert from "node:assert/strict";
import { test } from "node:test";
import { compileFields, parseField } from "../../../src/core/masking/fields.ts";
import { parseMasking } from "../../../src/core/masking/parse.ts";

const wrong = { name: "IhcError", code: "config" };

test("a field pattern names a resource, perhaps its group, and a path", () => {
  assert.deepEqual(parseField("configmaps/data/DB_*"), {
    resource: "configmaps",
    group: undefined,
    segments: ["data", "db_*"],
  });
  assert.deepEqual(parseField("configmaps./data"), { resource: "configmaps", group: "", segments: ["data"] });
  assert.deepEqual(parseField("*.acme.io/spec/**/x~1y"), {
    resource: "*",
    group: "acme.io",
    segments: ["spec", "**", "x/y"],
  });
});

for (const pattern of [
  "configmaps",
  "configmaps/",
  "/data",
  "a b/c",
  "a/b//c",
  "a/~2",
  "a/***",
  "a/x**",
  "a/**x",
  "data.a",
])
  test(`no field pattern: ${pattern}`, () => {
    assert.throws(() => parseMasking([{ fields: [pattern] }]), wrong);
  });

test("rules find resources with and without group", () => {
  const fields = compileFields([
    { fields: ["widgets.acme.io/a", "widgets/b", "widgets./c", "*.acme.io/d"], how: "redact" },
  ]);
  const texts = (resource: string, group: string) =>
    fields.fields(resource, group).map(({ segments }) => segments.join());
  assert.deepEqual(texts("widgets", "acme.io"), ["a", "b", "d"]);
  assert.deepEqual(texts("widgets", ""), ["b", "c"]);
  assert.deepEqual(texts("gadgets", "acme.io"), ["d"]);
});

test("the first rule that names a variable wins, and an empty list says that none is masked", () => {
  const fields = compileFields([
    { env: ["DB_*"], how: "hash" },
    { env: ["*"], how: "redact" },
  ]);
  assert.equal(fields.env("db_password"), "hash");
  assert.equal(fields.env("MODE"), "redact");
  assert.deepEqual(compileFields([{ env: [], how: "redact" }]).envPatterns, []);
  assert.equal(compileFields([]).envPatterns, undefined);
});

test("a rule of a kind that a target does not have stops the start", () => {
  assert.throws(() => parseMasking([{ columns: ["*.ssn"] }], undefined, "fields"), wrong);
  assert.throws(() => parseMasking([{ fields: ["a/b"] }], undefined, "columns"), wrong);
  assert.throws(() => parseMasking([{ env: ["A"] }], undefined, "columns"), wrong);
  for (const kind of ["fields", "columns"] as const)
    assert.equal(parseMasking([{ detect: ["card"] }], undefined, kind).rules.length, 1);
});

for (const [what, rule] of [
  ["a blank in a name", { env: ["A B"] }],
  ["an equals sign", { env: ["A=b"] }],
  ["both kinds", { env: ["A"], fields: ["a/b"] }],
  ["no fields", { fields: [] }],
] as const)
  test(`a rule for documents with ${what} stops the start`, () => {
    assert.throws(() => parseMasking([rule]), wrong);
  });
