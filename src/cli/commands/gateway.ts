import process from "node:process";
import { startGateway } from "../../gateway/main.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

/** Runs until it is told to stop; its log goes where the gateway's own logger writes. */
export async function run(context: Context, typed: Invocation): Promise<never> {
  const gateway = await startGateway({
    configPath: typed.text("config") ?? "ihc.yaml",
    dev: typed.flag("dev"),
  });
  if (context.json) context.io.json({ v: 1, event: "ready", url: gateway.url });
  await gateway.stopped;
  // While Node takes itself down nobody listens to signals: one that comes late would make an orderly stop look like a crash.
  process.exit(0);
}
