import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const control = await context.control();
  const grant = await control.revoke(await control.grant(typed.argument(0)));
  if (context.json) context.io.json({ v: 1, grant });
  context.io.say(
    `${context.io.err.green("✓")} ${grant.id} revoked: ${visible(grant.person)} on ${visible(grant.target)}; its sessions are being cut`,
  );
  return undefined;
}
