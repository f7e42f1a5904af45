import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compilePolicy } from "../../../src/core/access/cedar.ts";
import { prodDb } from "./people.ts";

test("the examples of docs/policy.md compile, all together", () => {
  const doc = readFileSync(new URL("../../../docs/policy.md", import.meta.url), "utf8");
  const blocks = [...doc.matchAll(/```cedar\n([\s\S]*?)```/g)].map(([, text = ""], i) => ({
    file: `${i}.cedar`,
    text,
  }));
  assert.ok(blocks.length >= 2);
  assert.deepEqual(compilePolicy(blocks, [prodDb]).issues, undefined);
});
