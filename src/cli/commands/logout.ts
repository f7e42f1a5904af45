import { logout } from "../../agent/identity/logout.ts";
import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";

export async function run(context: Context): Promise<undefined> {
  const { io } = context;
  const profile = await context.profile();
  const { name, revoked } = await logout(context.paths, profile);
  if (context.json) io.json({ v: 1, profile: profile.name, name, revoked });
  if (name === undefined) io.say(`nobody was logged in to ${profile.gateway.origin}`);
  else
    io.say(
      `${io.err.green("✓")} Logged out ${visible(name)}${revoked ? ", tokens revoked" : "; the provider could not be told, its tokens end by themselves"}`,
    );
  return undefined;
}
