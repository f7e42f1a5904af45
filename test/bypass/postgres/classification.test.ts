import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { z } from "zod";
import type { Classified } from "../../../src/protocols/postgres/statement.ts";
import { type Bench, openBench } from "../../protocols/postgres/classify-support.ts";

/** Statements kept for ever, by class; each file says what must come of them. */
let bench: Bench;
before(async () => {
  bench = await openBench();
});
after(() => bench.stop());

const line = z.object({ class: z.string(), sql: z.string() });

function read(name: string): readonly z.infer<typeof line>[] {
  const text = readFileSync(new URL(name, import.meta.url), "utf8");
  return text.split("\n").flatMap((json) => (json === "" ? [] : [line.parse(JSON.parse(json))]));
}

async function failures(
  name: string,
  holds: (classified: Classified) => boolean,
): Promise<readonly string[]> {
  const failed: string[] = [];
  const lines = read(name);
  assert.ok(lines.length > 10, `${name} holds its statements`);
  for (const { class: kind, sql } of lines) {
    const classified = await bench.strict.classify(sql);
    if (!holds(classified))
      failed.push(`${kind}: ${sql} → ${classified.effect} ${classified.refusal?.rule ?? ""}`);
  }
  return failed;
}

/** Refused because it was judged, not because it could not be read. */
function isJudged(classified: Classified): boolean {
  return classified.refusal?.rule !== "syntax-error" && classified.refusal?.rule !== "unparsable";
}

test("no statement that acts counts as a read", async () => {
  const holds = (c: Classified): boolean => isJudged(c) && (c.refusal !== undefined || c.effect !== "read");
  assert.deepEqual(await failures("guard.jsonl", holds), []);
});

test("no statement computes with a masked column", async () => {
  const holds = (c: Classified): boolean => isJudged(c) && c.refusal !== undefined;
  assert.deepEqual(await failures("leak.jsonl", holds), []);
});

test("a bare masked column is shown with its origin and named as read", async () => {
  const holds = (c: Classified): boolean =>
    c.refusal === undefined &&
    c.traits.includes("reads-masked-column") &&
    c.statements.every((statement) => statement.masking.kind === "origin");
  assert.deepEqual(await failures("masked-output.jsonl", holds), []);
});

test("what clients and responders send all day is a plain read", async () => {
  const holds = (c: Classified): boolean => c.refusal === undefined && c.effect === "read";
  assert.deepEqual(await failures("controls.jsonl", holds), []);
});
