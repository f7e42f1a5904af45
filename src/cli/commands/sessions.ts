import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import { uploadLeftovers } from "../leftovers.ts";
import type { Invocation } from "../options.ts";
import { excerpt, personText } from "../show.ts";
import { clockTime, relative, short, table } from "../table.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const control = await context.control();
  const items = await control.sessions({
    scope: typed.flag("mine") ? "mine" : undefined,
    target: typed.text("target"),
    state: typed.choice("state", ["open", "ended"]),
  });
  if (context.json) io.json({ v: 1, items });
  else if (items.length === 0) io.say("no sessions");
  else {
    const now = context.clock.now();
    const rows = items.map((session) => [
      session.id,
      personText({ name: session.person, via: session.via }),
      visible(session.target),
      clockTime(session.opened_at, now),
      session.state === "open"
        ? `${io.out.green("open")}, ends ${relative(session.expires_at, now)}`
        : `ended after ${short(Date.parse(session.ended_at ?? session.opened_at) - Date.parse(session.opened_at))}${session.complete ? "" : io.out.yellow(", incomplete")}`,
      `${session.break_glass ? io.out.red("break-glass ") : ""}${excerpt(session.reason, 40)}`,
    ]);
    io.print(table(["SESSION", "PERSON", "TARGET", "OPENED", "STATE", "REASON"], rows));
  }
  await uploadLeftovers(context);
  return undefined;
}
