import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import { readFiles } from "../operator.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<number | undefined> {
  const { io } = context;
  const { policy, mistakes } = await readFiles(typed);
  if (context.json) io.json({ v: 1, ok: mistakes.length === 0, version: policy?.version, mistakes });
  else {
    for (const { file, line, message, hint } of mistakes) {
      io.print(`${io.out.red("✗")} ${visible(file)}:${line}: ${visible(message)}`);
      io.print(`  ${io.out.yellow("hint:")} ${visible(hint)}`);
    }
    if (policy !== undefined) io.print(`${io.out.green("✓")} the policy is valid, version ${policy.version}`);
  }
  return mistakes.length === 0 ? undefined : 1;
}
