import assert from "node:assert/strict";
import { test } from "node:test";
import { parseId } from "../../../src/base/ids.ts";
import { operationIds } from "../../../src/core/session/operation-ids.ts";

test("operation ids are whole ids and never repeat, on one connection or on two", () => {
  const [one, two] = [operationIds(), operationIds()];
  const ids = Array.from({ length: 2000 }, (_, i) => (i % 2 ? one() : two()));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.equal(parseId("op", id), id);
});
