import { visibleLines } from "../../base/text.ts";
import type { Context } from "../context.ts";
import { configuredTarget, validFiles, withUpstream } from "../operator.ts";
import type { Invocation } from "../options.ts";

/** Prints what a target's owner should run; changes nothing by itself. */
export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { config } = await validFiles(typed);
  const configured = configuredTarget(config, typed.argument(0));
  const text = await withUpstream(config, configured, (protocol, upstream) =>
    protocol.harden(upstream, configured.masking),
  );
  if (context.json) context.io.json({ v: 1, target: configured.target.name, statements: text });
  else await context.io.write(`${visibleLines(text).trimEnd()}\n`);
  return undefined;
}
