import { IhcError } from "../../base/errors.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

/** The demo is part of a checkout, not of the published package: it needs development dependencies. */
export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const demo = await import("../../demo/main.ts").catch((cause: unknown) => {
    throw new IhcError("unavailable", "the demo is not part of this installation", {
      hint: "clone the repository, then npm ci && npm run demo",
      cause,
    });
  });
  const options = { environment: context.io.environment(), say: context.io.print, signal: context.signal };
  await (typed.flag("script") ? demo.runScript(options) : demo.runDemo(options));
  return undefined;
}
