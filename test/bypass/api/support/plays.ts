import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Case, casesOf } from "../../../support/cases/case.ts";

export interface Plays {
  /**
   * Plays one case of the area for real. `verdict` is what the play was written to show: a case that comes to demand
   * something else fails here until its play is written anew. `coverage.test.ts` looks for these calls.
   */
  plays(id: string, verdict: string, play: (one: Case, t: TestContext) => Promise<void> | void): void;
  /** Tells how many of the cases played in this file have passed. Call it last. */
  rate(): void;
}

/** Playing takes what it takes on a busy machine, and never for ever. */
const timeout = 110_000;

export function playsOf(area: string): Plays {
  const cases = new Map(casesOf(area).map((one) => [one.id, one]));
  const played: string[] = [];
  const passed: string[] = [];
  return {
    plays(id, verdict, play) {
      const one = cases.get(id);
      played.push(id);
      test(`${id}: ${one?.why ?? "(no such case)"}`, { timeout }, async (t) => {
        assert.ok(one, `${id} is no case any more: remove its play`);
        assert.equal(one.expected.verdict, verdict, "the case asks for something else by now");
        await play(one, t);
        passed.push(id);
      });
    },
    rate() {
      test(`the cases of ${area} played here have passed`, (t) => {
        t.diagnostic(`${area}: ${passed.length} of ${played.length}`);
        assert.deepEqual(passed, played);
        assert.ok(played.length > 0);
      });
    },
  };
}
