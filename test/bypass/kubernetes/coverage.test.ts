import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { casesOf } from "../../support/cases/case.ts";

const folder = new URL("./", import.meta.url);
const played = readdirSync(folder)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => readFileSync(new URL(name, folder), "utf8"))
  .flatMap((source) => [...source.matchAll(/^\s*(?:plays\(|\[)"(k8s-\d{3})", "/gm)].map(([, id = ""]) => id));

test("every case of k8s has one play against the real cluster, and every play a case", (t) => {
  const ids = casesOf("k8s").map(({ id }) => id);
  assert.deepEqual(played.toSorted(), ids.toSorted());
  t.diagnostic(`k8s: ${played.length} of ${ids.length} cases have a play`);
});
