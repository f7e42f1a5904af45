import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { compilePolicy } from "../../../src/core/access/cedar.ts";
import { labDb, noon, person, prodDb } from "./people.ts";

const any = "(principal, action, resource)";

suite("mistakes in policies are named with their line", () => {
  const table: readonly [string, string, number, RegExp][] = [
    ["a policy without an id", `\n\npermit ${any};`, 3, /no usable id/],
    ["an id with blanks", `@id("a b") permit ${any};`, 1, /no usable id/],
    [
      "two policies of one id",
      `@id("a") permit ${any};\n\n@id("a") forbid ${any};`,
      3,
      /is taken by p.cedar line 1/,
    ],
    ["an unknown annotation", `@id("a") @aprove("x") forbid ${any};`, 1, /@aprove means nothing/],
    [
      "@approve on a permit",
      `@id("a") @approve("x") permit ${any};`,
      1,
      /@approve means nothing on a permit/,
    ],
    ["@grant on a forbid", `@id("a") @grant("x") forbid ${any};`, 1, /@grant means nothing on a forbid/],
    ["an empty slot", `@id("a") @grant("x,") permit ${any};`, 1, /@grant: not a group/],
    ["a slot for nobody", `@id("a") @grant("x:0") permit ${any};`, 1, /0 people/],
    ["a slot for a crowd", `@id("a") @grant("x:11") permit ${any};`, 1, /11 people/],
    ["a group named twice", `@id("a") @grant("x, x:2") permit ${any};`, 1, /named twice/],
    ["a bad duration", `@id("a") @grant("x") @max("4 hours") permit ${any};`, 1, /@max: not a duration/],
    ["@max without @grant", `@id("a") @max("4h") permit ${any};`, 1, /@max without @grant/],
    ["@within without @approve", `@id("a") @within("4h") forbid ${any};`, 1, /@within without @approve/],
    ["an approval that lifts nothing", `@id("a") @approve("x") forbid ${any};`, 1, /would not lift/],
    [
      "an approval by another group",
      `@id("a") @approve("x") forbid ${any} unless { context.approvedBy.contains("y") };`,
      1,
      /by x would not lift/,
    ],
    [
      "an approval nobody is asked for",
      `@id("a") forbid ${any} unless { context.approvedBy.contains("y") };`,
      1,
      /nobody is asked/,
    ],
    [
      "an approval in a permit",
      `@id("a") permit ${any} when { context.approvedBy.contains("y") };`,
      1,
      /permit cannot ask/,
    ],
    [
      "a syntax error",
      `@id("a") permit ${any};\n@id("b")\npermit (principal action);`,
      3,
      /unexpected token/,
    ],
    ["a policy that does not end", `@id("a") permit ${any}`, 1, /does not end/],
    ["a template", `@id("a") permit (principal == ?principal, action, resource);`, 1, /template|slot/],
    [
      "an unknown context attribute",
      `@id("a") permit ${any}\nwhen { context.trait.contains("x") };`,
      2,
      /trait/,
    ],
    ["an unknown label", `@id("a") permit ${any}\nwhen { resource.labels.zone == "x" };`, 2, /zone/],
    ["a label of another type", `@id("a") permit ${any} when { resource.labels.env == 1 };`, 1, /./],
    ["an unknown action", `@id("a") permit (principal, action == Action::"reed", resource);`, 1, /reed/],
    ["an unknown entity type", `@id("a") permit (principal in Team::"x", action, resource);`, 1, /Team/],

    ["hidden characters", `@id("a") permit ${any};\n// \u202e evil`, 2, /cannot be seen/],
  ];
  for (const [name, text, line, message] of table)
    test(name, () => {
      const { issues } = compilePolicy([{ file: "p.cedar", text }], [prodDb, labDb]);
      const [first] = issues ?? [];
      assert.ok(first, "there must be an issue");
      assert.deepEqual([first.file, first.line], ["p.cedar", line]);
      assert.match(first.message, message);
      assert.notEqual(first.hint, "");
    });

  test("all mistakes of all files are told at once", () => {
    const files = ["a.cedar", "b.cedar"].map((file) => ({
      file,
      text: `permit ${any};\n@x @id("y") forbid ${any};`,
    }));
    const { issues } = compilePolicy(files, [prodDb]);
    assert.deepEqual(
      issues?.map(({ file, line }) => `${file}:${line}`),
      ["a.cedar:1", "a.cedar:2", "b.cedar:1", "b.cedar:2"],
    );
  });

  test("an optional label may be asked for after `has`", () => {
    const text = `@id("a") permit ${any} when { resource.labels has pii && resource.labels.pii };`;
    const pii = { ...labDb, labels: { ...labDb.labels, pii: true } };
    assert.equal(compilePolicy([{ file: "p.cedar", text }], [prodDb, pii]).issues, undefined);
  });

  test("a label of two types is refused", () => {
    const odd = { ...labDb, labels: { ...labDb.labels, tier: "high" } };
    assert.match(compilePolicy([], [prodDb, odd]).issues?.[0]?.message ?? "", /label tier/);
  });

  test("a semicolon in a string or a comment ends nothing", () => {
    const text = `// one; two\n@id("a") @reason("x; \\"y;\\"") forbid ${any}; // three;\n@id("b") permit ${any};`;
    assert.equal(compilePolicy([{ file: "p.cedar", text }], [prodDb]).issues, undefined);
  });
});

suite("deep input never reaches the parser", () => {
  const table: readonly [string, string][] = [
    ["parentheses", `${"(".repeat(5000)}true${")".repeat(5000)}`],
    ["sets", `${"[".repeat(5000)}${"]".repeat(5000)}.isEmpty()`],
    ["records", `${"{a:".repeat(300)}1${"}".repeat(300)} == 1`],
    ["negations", `${"!(".repeat(300)}true${")".repeat(300)}`],
    ["else chains", `${"if true then true else ".repeat(1000)}true`],
    ["attribute chains", `context${".a".repeat(1000)}`],
    ["sums", `1${"+1".repeat(1000)} == 1`],
    ["conjunctions", `true${" && true".repeat(3000)}`],
    ["a very long policy", `"${"x".repeat(40_000)}" == ""`],
  ];
  for (const [name, body] of table)
    test(name, () => {
      const text = `@id("a") permit ${any} when { ${body} };`;
      const { issues } = compilePolicy([{ file: "p.cedar", text }], [prodDb]);
      assert.match(issues?.[0]?.message ?? "", /nested|complex|longer/);
      const after = compilePolicy([{ file: "p.cedar", text: `@id("a") permit ${any};` }], [prodDb]);
      assert.equal(after.issues, undefined);
    });
});

suite("what is just below the limits is compiled and judged", () => {
  const table: readonly [string, string][] = [
    ["parentheses", `${"(".repeat(22)}true${")".repeat(22)}`],
    ["negations", `${"!(".repeat(22)}true${")".repeat(22)}`],
    ["else chains", `${"if false then false else ".repeat(98)}true`],
    ["sums", `0${"+1".repeat(98)} == 98`],
    ["conjunctions", `true${" && true".repeat(290)}`],
    ["a long set", `[${'"x",'.repeat(3000)}"x"].contains("x")`],
    [
      "all of it",
      `${"(".repeat(20)}true${")".repeat(20)}${" && true".repeat(100)}${" && (if true then true else false)".repeat(40)}`,
    ],
  ];
  for (const [name, body] of table)
    test(name, () => {
      const text = `@id("a") permit ${any} when { ${body} };`;
      const { policy, issues } = compilePolicy([{ file: "p.cedar", text }], [prodDb]);
      assert.deepEqual(issues, undefined);
      const question = { principal: person("ana", []), target: prodDb, effect: "read", now: noon } as const;
      const rest = { kind: "statement", resources: [], traits: [], approvedBy: [] };
      assert.equal(policy?.judge({ ...question, ...rest }).kind, "allow");
      assert.equal(policy?.access(question.principal, prodDb, ["read"], false, noon).kind, "allow");
    });
});
