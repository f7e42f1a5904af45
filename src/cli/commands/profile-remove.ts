import { localLogin } from "../../agent/identity/whoami.ts";
import { chooseProfile, readProfiles, removeProfile } from "../../agent/profiles.ts";
import { IhcError } from "../../base/errors.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const profile = chooseProfile(await readProfiles(context.paths), typed.argument(0));
  if ((await localLogin(context.paths, profile)) !== undefined)
    throw new IhcError("conflict", `${profile.name} is still logged in`, {
      hint: `revoke its tokens first: ihc logout --profile ${profile.name}`,
    });
  await removeProfile(context.paths, profile.name);
  if (context.json) context.io.json({ v: 1, removed: profile.name });
  context.io.say(`${context.io.err.green("✓")} ${profile.name} removed`);
  return undefined;
}
