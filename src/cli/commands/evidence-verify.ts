import { readFile } from "node:fs/promises";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import { parseEvidence, verifyEvidence } from "../../core/audit/evidence.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";
import { parsed } from "../replay/bundle.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const bundle = parsed(await readFile(typed.argument(0), "utf8"));
  const key = typed.text("key");
  const problems = verifyEvidence(bundle, key);
  const ok = problems.length === 0;
  const evidence = parseEvidence(bundle);
  if (context.json) io.json({ v: 1, ok, session: evidence?.session, problems, key_known: key !== undefined });
  for (const problem of problems) io.say(`${io.err.red("✗")} ${visible(problem.message)}`);
  if (!ok || evidence === undefined)
    throw new IhcError("corrupt", "the evidence does not hold", {
      hint: "keep a copy, and ask the gateway for it again: ihc evidence <session>",
    });
  io.say(
    `${io.err.green("✓")} ${evidence.session}: ${evidence.entries.length} entries, ${evidence.rows.length} rows and ${Object.keys(evidence.files).length} chunks hold`,
  );
  if (key === undefined)
    io.say(
      `${io.err.yellow("!")} it agrees with itself; whose log signed it is known only with --key ${visible(evidence.verifier)}`,
    );
  return undefined;
}
