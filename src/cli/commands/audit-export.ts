import { writeFile } from "node:fs/promises";
import { rememberedLog } from "../../agent/log-memory.ts";
import { fetchCheckpoint, fetchLog } from "../audit-log.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const control = await context.control();
  const memory = await rememberedLog(context.paths, control.profile);
  const verifier = memory?.key ?? (await control.discovery()).discovery.log_key;
  const { leaves, checkpoint, hashes } = await fetchLog(
    control,
    await fetchCheckpoint(control),
    verifier,
    () => undefined,
  );
  const text = `${JSON.stringify({ format: "ihc-audit-1", verifier, checkpoint, leaves, hashes })}\n`;
  const file = typed.args[0];
  if (file === undefined) await context.io.write(text);
  else {
    await writeFile(file, text, { flag: "wx", mode: 0o600 });
    context.io.say(
      `${context.io.err.green("✓")} ${leaves.length} entries written; check them with ihc audit verify ${file}`,
    );
  }
  return undefined;
}
