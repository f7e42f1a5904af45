import { rememberedLog } from "../../agent/log-memory.ts";
import { openCheckpoint } from "../../core/audit/checkpoint.ts";
import { fetchCheckpoint } from "../audit-log.ts";
import type { Context } from "../context.ts";

export async function run(context: Context): Promise<undefined> {
  const control = await context.control();
  const memory = await rememberedLog(context.paths, control.profile);
  const key = memory?.key ?? (await control.discovery()).discovery.log_key;
  const note = await fetchCheckpoint(control);
  const { size, root, origin } = openCheckpoint(note, key);
  if (context.json)
    context.io.json({ v: 1, origin, size, root: root.toString("base64"), checkpoint: note, key });
  else await context.io.write(note);
  return undefined;
}
