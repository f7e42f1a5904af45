import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { z } from "zod";
import type { Classified } from "../../../src/protocols/postgres/statement.ts";
import { type Bench, openBench } from "./classify-support.ts";

let bench: Bench;
before(async () => {
  bench = await openBench();
});
after(() => bench.stop());

const schema = z.object({
  id: z.string(),
  input: z.object({
    startup: z.unknown().optional(),
    msgs: z.array(z.object({ t: z.string(), sql: z.string().optional() })).optional(),
  }),
  setup: z.object({ grant: z.string() }).loose(),
  expected: z.object({ verdict: z.string() }),
});
type Case = z.infer<typeof schema>;

/** What cannot show in a statement's text: the row that CHECK and NOT NULL errors print is masked on the way back. */
const inTheAnswer: ReadonlySet<string> = new Set(["pg-mask-116", "pg-mask-117"]);

for (const area of ["pg-guard", "pg-mask", "pg-wire"])
  test(`the statements of ${area} are judged as the cases expect`, async () => {
    const failed: string[] = [];
    assert.ok(casesOf(area).length > 10, "the cases are there");
    for (const one of casesOf(area)) if (!(await holds(one))) failed.push(one.id);
    assert.deepEqual(failed, []);
  });

function casesOf(area: string): readonly Case[] {
  const text = readFileSync(`test/cases/${area}.jsonl`, "utf8");
  const cases = text.split("\n").flatMap((json) => (json === "" ? [] : [JSON.parse(json)]));
  return cases
    .filter((raw) => raw.input.kind === "pg" && raw.input.startup === undefined)
    .map((raw) => schema.parse(raw))
    .filter((one) => !inTheAnswer.has(one.id) && statementsOf(one).length > 0);
}

function statementsOf(one: Case): readonly string[] {
  return (one.input.msgs ?? []).flatMap((message) => (message.sql === undefined ? [] : [message.sql]));
}

async function holds(one: Case): Promise<boolean> {
  const judged: Classified[] = [];
  for (const sql of statementsOf(one)) judged.push(await bench.strict.classify(sql));
  const stopped = judged.some((classified) => isStopped(classified, one.setup.grant));
  const masked = judged.some((classified) => classified.traits.includes("reads-masked-column"));
  switch (one.expected.verdict) {
    case "allow":
      return !stopped;
    case "deny":
    case "deny_or_handled":
      return stopped;
    case "deny_or_mask":
      return stopped || masked;
    default:
      return judged.length > 0;
  }
}

/** Under a read grant everything but a read stops; under a write grant what is worse than a bounded write. */
function isStopped(classified: Classified, grant: string): boolean {
  if (classified.refusal !== undefined) return true;
  if (grant === "ro") return classified.effect !== "read";
  return !["read", "write"].includes(classified.effect) || classified.traits.includes("unbounded");
}
