import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { casesOf } from "../../support/cases/case.ts";

/** The areas that have no test of their own elsewhere (`pg-*` has test/bypass/postgres). */
const areas = ["api", "api-token", "api-approval", "api-recording", "audit", "operator", "local-agent"];

const folder = new URL("./", import.meta.url);
const sources = readdirSync(folder)
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => readFileSync(new URL(name, folder), "utf8"))
  .join("\n");
const played = [...sources.matchAll(/^\s*plays\("([a-z]+(?:-[a-z]+)*-\d{3})"/gm)].map(([, id = ""]) => id);
/** Exact token cases are data: one loop plays every one that is in the file. */
const inLoop = new Set(
  casesOf("api-token")
    .filter(({ form }) => form === "exact")
    .map(({ id }) => id),
);

for (const area of areas)
  test(`every case of ${area} has a play, and every play a case`, (t) => {
    const ids = casesOf(area).map(({ id }) => id);
    const here = played.filter((id) => id.replace(/-\d{3}$/, "") === area);
    const missing = ids.filter((id) => !(here.includes(id) || inLoop.has(id)));
    t.diagnostic(`${area}: ${ids.length - missing.length} of ${ids.length} cases have a play`);
    assert.ok(ids.length > 0);
    assert.deepEqual(missing, [], "write a play for these");
    assert.deepEqual(
      here.filter((id) => !ids.includes(id)),
      [],
      "these cases are gone",
    );
    assert.equal(new Set(here).size, here.length, "a case is played once");
  });

test("the exact token cases are played from the file itself", () => {
  assert.ok(inLoop.size > 0);
  assert.match(sources, /casesOf\("api-token"\)/);
});
