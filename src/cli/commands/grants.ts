import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";
import { excerpt } from "../show.ts";
import { relative, table } from "../table.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const control = await context.control();
  const items = await control.grants({
    scope: typed.flag("mine") ? "mine" : undefined,
    state: typed.flag("all") ? undefined : "active",
  });
  if (context.json) io.json({ v: 1, items });
  else if (items.length === 0) io.say("no grants");
  else {
    const now = context.clock.now();
    const rows = items.map((grant) => [
      grant.id,
      visible(grant.person),
      visible(grant.target),
      grant.effects.join(","),
      grant.state === "active"
        ? `${io.out.green("active")}, ends ${relative(grant.expires_at, now)}`
        : grant.state,
      grant.approved_by.map(visible).join(", ") || (grant.break_glass ? "break-glass" : "-"),
      excerpt(grant.reason, 40),
    ]);
    io.print(table(["GRANT", "PERSON", "TARGET", "EFFECTS", "STATE", "APPROVED BY", "REASON"], rows));
  }
  return undefined;
}
