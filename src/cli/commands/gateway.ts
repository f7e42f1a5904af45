import { startGateway } from "../../gateway/main.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

/** Runs until it is told to stop; its log goes where the gateway's own logger writes. */
export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const gateway = await startGateway({
    configPath: typed.text("config") ?? "ihc.yaml",
    dev: typed.flag("dev"),
  });
  if (context.json) context.io.json({ v: 1, event: "ready", url: gateway.url });
  await gateway.stopped;
  return undefined;
}
