import { listRunning } from "../../agent/running.ts";
import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import { relative, table } from "../table.ts";

export async function run(context: Context): Promise<undefined> {
  const { io } = context;
  const items = await listRunning(context.paths);
  if (context.json) io.json({ v: 1, items });
  else if (items.length === 0) io.say("nothing is connected");
  else {
    const now = context.clock.now();
    const rows = items.map((entry) => [
      visible(entry.target),
      entry.socket === undefined ? `${entry.address}:${entry.port}` : visible(entry.socket),
      entry.session,
      String(entry.connections),
      relative(entry.expiration, now),
      `${entry.pid}${entry.background ? " (background)" : ""}`,
      visible(entry.gateway),
    ]);
    io.print(table(["TARGET", "ADDRESS", "SESSION", "CLIENTS", "ENDS", "PID", "GATEWAY"], rows));
  }
  return undefined;
}
