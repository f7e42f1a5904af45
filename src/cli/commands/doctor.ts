import { visible } from "../../base/text.ts";
import { type Check, checkup } from "../checkup.ts";
import type { Context } from "../context.ts";

export async function run(context: Context): Promise<number | undefined> {
  const { io } = context;
  const checks = await checkup(context);
  const failed = checks.filter((check) => check.state === "failed").length;
  if (context.json) io.json({ v: 1, ok: failed === 0, items: checks });
  else
    for (const check of checks) {
      io.print(`${mark(check, context)} ${check.name.padEnd(12)} ${visible(check.found)}`);
      if (check.mend !== undefined)
        io.print(`  ${" ".repeat(12)} ${io.out.yellow("hint:")} ${visible(check.mend)}`);
    }
  return failed === 0 ? undefined : 1;
}

function mark(check: Check, { io }: Context): string {
  if (check.state === "ok") return io.out.green("✓");
  return check.state === "warning" ? io.out.yellow("!") : io.out.red("✗");
}
