import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const control = await context.control();
  const request = await control.cancelRequest(await control.request(typed.argument(0)));
  if (context.json) context.io.json({ v: 1, request });
  context.io.say(`${context.io.err.green("✓")} ${request.id} canceled`);
  return undefined;
}
