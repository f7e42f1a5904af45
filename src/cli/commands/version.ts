import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import { version } from "../version.ts";

export async function run(context: Context): Promise<undefined> {
  const gateway = await gatewayVersion(context);
  if (context.json) context.io.json({ v: 1, version: version(), gateway, node: process.versions.node });
  else
    context.io.print(
      `ihc ${version()}   gateway ${visible(gateway ?? "not reachable")}   node ${process.versions.node}`,
    );
  return undefined;
}

/** Works offline and without a login. */
async function gatewayVersion(context: Context): Promise<string | undefined> {
  try {
    return (await (await context.control()).discovery()).discovery.version;
  } catch (error) {
    if (error instanceof IhcError) return undefined;
    throw error;
  }
}
