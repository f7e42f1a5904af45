import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createParser, type ParserOptions } from "../../src/gateway/parser.ts";

const module = new URL("./parser/module.ts", import.meta.url);
const invalid = { name: "IhcError", code: "invalid" };

function open(t: TestContext, options: ParserOptions = {}) {
  const parser = createParser(options);
  t.after(() => parser.close());
  return parser;
}

test("calls are answered each with its own result", async (t) => {
  const parser = open(t);
  const inputs = Array.from({ length: 200 }, (_, i) => i);
  assert.deepEqual(await Promise.all(inputs.map((i) => parser.call(module, i))), inputs);
});

test("a refusal of the module itself keeps its text and the worker", async (t) => {
  const parser = open(t);
  assert.equal(await parser.call(module, { count: 1 }), 1);
  await assert.rejects(parser.call(module, { refuse: "not a statement" }), {
    ...invalid,
    message: "not a statement",
    hint: "try again",
  });
  assert.equal(await parser.call(module, { count: 1 }), 2);
});

for (const [what, input] of [
  ["throws an error that is not its own", { unknown: 1 }],
  ["overflows its stack", { recurse: 1 }],
  ["ends its thread", { exit: 1 }],
  ["exhausts its memory", { hoard: 1 }],
] as const)
  test(`a module that ${what} is refused without detail and replaced`, async (t) => {
    const parser = open(t, { heapMb: 32 });
    assert.equal(await parser.call(module, { count: 1 }), 1);
    await assert.rejects(parser.call(module, input), (error: Error) => {
      assert.equal("code" in error && error.code, "invalid");
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.equal(await parser.call(module, { count: 1 }), 1);
  });

test("a module that hangs is ended and takes with it what waits behind it", async (t) => {
  const parser = open(t, { timeout: 300 });
  await parser.warm(module, [1]);
  const hung = assert.rejects(parser.call(module, { hang: 1 }), invalid);
  const behind = assert.rejects(parser.call(module, 2), invalid);
  await Promise.all([hung, behind]);
  assert.equal(await parser.call(module, 3), 3);
});

test("the worker sees no environment", async (t) => {
  assert.deepEqual(await open(t).call(module, { environment: 1 }), []);
});

test("input that cannot be sent is refused and the worker stays", async (t) => {
  const parser = open(t);
  assert.equal(await parser.call(module, { count: 1 }), 1);
  await assert.rejects(
    parser.call(module, () => 1),
    invalid,
  );
  assert.equal(await parser.call(module, { count: 1 }), 2);
});

test("a closed parser refuses", async () => {
  const parser = createParser();
  const open = assert.rejects(parser.call(module, { hang: 1 }), invalid);
  await parser.close();
  await open;
  await assert.rejects(parser.call(module, 1), invalid);
});
