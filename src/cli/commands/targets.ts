import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import { accessText } from "../show.ts";
import { table } from "../table.ts";

export async function run(context: Context): Promise<undefined> {
  const { io } = context;
  const targets = await (await context.control()).targets();
  if (context.json) {
    io.json({ v: 1, items: targets });
    return undefined;
  }
  if (targets.length === 0) {
    io.say("no targets for you; ask your platform team which groups you need (yours: ihc whoami)");
    return undefined;
  }
  const rows = targets.map((target) => [
    visible(target.name),
    visible(target.protocol),
    Object.entries(target.labels)
      .map(([name, value]) => `${visible(name)}=${visible(String(value))}`)
      .join(" ") || "-",
    accessText(target, io.out),
  ]);
  io.print(table(["TARGET", "PROTOCOL", "LABELS", "ACCESS"], rows));
  return undefined;
}
