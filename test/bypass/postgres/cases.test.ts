import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { casesIn, casesOf, isPlayable } from "../../support/cases/case.ts";
import { type CaseWorld, startCaseWorld } from "../../support/cases/case-world.ts";
import { type Judged, judgeCase } from "../../support/cases/judge.ts";

/**
 * Every exact PostgreSQL case through a real gateway to a real server as a superuser, so that nothing but the gate stands
 * between. Cases known to fail would be listed here, with why; the list may only shrink.
 */
const knownFailures: ReadonlySet<string> = new Set();

let world: CaseWorld;
before(async () => {
  world = await startCaseWorld();
});
after(() => world.stop());

const areas = [
  ...["pg-guard", "pg-mask", "pg-wire"].map((area) => [area, casesOf(area)] as const),
  ["wire-attacks", casesIn(new URL("wire-attacks.jsonl", import.meta.url))] as const,
];

for (const [area, all] of areas)
  test(`every ${area} case ends as its verdict says`, { timeout: 600_000 }, async (t) => {
    const cases = all.filter(isPlayable);
    const failed: Judged[] = [];
    for (const one of cases) {
      const judged = await judgeCase(world, one);
      if (judged.wrong.length > 0) failed.push(judged);
      const { grant, owner } = one.setup;
      if (grant === "rw" || owner !== undefined || judged.wrong.length > 0) await world.reset();
    }
    t.diagnostic(`${area}: ${cases.length - failed.length} of ${cases.length}`);
    const unexpected = failed.filter(({ id }) => !knownFailures.has(id));
    const mended = cases.filter(({ id }) => knownFailures.has(id) && !failed.some((f) => f.id === id));
    assert.deepEqual(unexpected, []);
    assert.deepEqual(mended, [], "these pass now: take them off the list of known failures");
  });
