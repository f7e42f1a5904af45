import { localLogin } from "../../agent/identity/whoami.ts";
import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import { relative } from "../table.ts";

export async function run(context: Context): Promise<undefined> {
  const { io } = context;
  const profile = await context.profile();
  const control = await context.control();
  const me = await control.whoami();
  const here = await localLogin(context.paths, profile);
  if (context.json) {
    io.json({ v: 1, profile: profile.name, gateway: profile.gateway.origin, ...me, key: here?.keyPlace });
    return undefined;
  }
  const place = here?.keyPlace === "file" ? "file" : "OS keychain";
  io.print(`${io.out.bold(visible(me.name))}`);
  io.print(`  gateway  ${profile.gateway.origin}   profile ${profile.name}`);
  io.print(`  issuer   ${visible(me.issuer)}   subject ${visible(me.subject)}`);
  io.print(`  groups   ${me.groups.map(visible).join(", ") || "none"}`);
  io.print(
    `  token    ${me.key_bound ? "DPoP-bound" : "bearer"}, ends ${relative(me.token_expires_at, context.clock.now())}${here?.renewable === true ? ", renewed by itself" : ""}; key in ${place}`,
  );
  return undefined;
}
