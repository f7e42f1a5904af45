import type { Profile } from "../../agent/credentials.ts";
import { localLogin } from "../../agent/identity/whoami.ts";
import { readProfiles } from "../../agent/profiles.ts";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import { table } from "../table.ts";

export async function run(context: Context): Promise<undefined> {
  const { io } = context;
  const known = await readProfiles(context.paths);
  const items = await Promise.all(
    known.all.map(async (profile) => ({
      name: profile.name,
      gateway: profile.gateway.origin,
      default: profile.name === known.default,
      login: await loginName(context, profile),
    })),
  );
  if (context.json) io.json({ v: 1, items });
  else if (items.length === 0) io.say("no profiles yet: ihc login --gateway https://…");
  else
    io.print(
      table(
        ["", "PROFILE", "GATEWAY", "LOGIN"],
        items.map((item) => [item.default ? "*" : "", item.name, item.gateway, visible(item.login ?? "-")]),
      ),
    );
  return undefined;
}

/** A listing must not fail for one profile whose store is damaged or whose keychain is locked. */
async function loginName(context: Context, profile: Profile): Promise<string | undefined> {
  try {
    return (await localLogin(context.paths, profile))?.name;
  } catch (error) {
    if (error instanceof IhcError) return undefined;
    throw error;
  }
}
