import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const control = await context.control();
  const { id } = await control.session(typed.argument(0));
  await control.endSession(id);
  const session = await control.session(id);
  if (context.json) context.io.json({ v: 1, session });
  context.io.say(
    `${context.io.err.green("✓")} ${session.id} ended: ${visible(session.person)} on ${visible(session.target)}`,
  );
  if (session.grant !== undefined)
    context.io.say(`  the grant still stands; take it back with ihc revoke ${session.grant}`);
  return undefined;
}
