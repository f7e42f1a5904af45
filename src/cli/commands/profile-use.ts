import { chooseProfile, readProfiles, saveProfile } from "../../agent/profiles.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const profile = chooseProfile(await readProfiles(context.paths), typed.argument(0));
  await saveProfile(context.paths, profile, true);
  if (context.json) context.io.json({ v: 1, default: profile.name });
  context.io.say(
    `${context.io.err.green("✓")} ${profile.name} (${profile.gateway.origin}) is the default now`,
  );
  return undefined;
}
