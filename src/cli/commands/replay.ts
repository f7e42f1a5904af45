import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { SessionView } from "../../core/api/schema.ts";
import type { Recorded } from "../../core/journal/event.ts";
import { serveReplay } from "../../web/replay.ts";
import { openBrowser } from "../browser.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";
import { castOf } from "../replay/cast.ts";
import { fetchEvents } from "../replay/events.ts";
import { colored, play } from "../replay/player.ts";
import { type Line, story } from "../replay/story.ts";

const formats = ["text", "json", "cast"] as const;

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const format = context.json ? "json" : typed.choice("format", formats);
  const pace = { speed: speedOf(typed.text("speed")), idleLimit: typed.duration("idleLimit") ?? 2000 };
  const control = await context.control();
  const session = await control.session(typed.argument(0));
  const events = await fetchEvents(control, session.id);
  if (format === "json") {
    for (const recorded of events) io.json(jsonOf(recorded));
    return undefined;
  }
  const lines = grepped(story(events), typed.text("grep"));
  if (format === "cast") await io.write(castOf(lines, session.id));
  else if (typed.flag("web")) await inBrowser(context, session, lines);
  else if (format === "text" || typed.text("grep") !== undefined || !io.terminal)
    for (const line of lines) io.print(colored(line, io));
  else await play(lines, io, pace, context.signal);
  return undefined;
}

function speedOf(text = "1"): number {
  const speed = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1] ?? Number.NaN);
  if (!(speed > 0 && speed <= 1000))
    throw new IhcError("usage", "--speed is not a number above 0", { hint: "such as 0.5, 2 or 10" });
  return speed;
}

/** Whole operations of which a line holds the text, in either case. */
function grepped(lines: readonly Line[], wanted: string | undefined): readonly Line[] {
  if (wanted === undefined) return lines;
  const needle = wanted.toLowerCase();
  const parts = new Set(
    lines.filter(({ text }) => text.toLowerCase().includes(needle)).map(({ part }) => part),
  );
  return lines.filter(
    ({ part, text }) => parts.has(part) && (part.startsWith("op_") || text.toLowerCase().includes(needle)),
  );
}

function jsonOf({ seq, at, event }: Recorded): object {
  const plain = "data" in event ? { ...event, data: Buffer.from(event.data).toString("base64") } : event;
  return { v: 1, seq, at: at.toISOString(), event: plain };
}

async function inBrowser(context: Context, session: SessionView, lines: readonly Line[]): Promise<void> {
  const { io, signal } = context;
  const server = await serveReplay(
    {
      title: `${session.id} on ${session.target}`,
      facts: [
        ["person", session.via === undefined ? session.person : `${session.person} via ${session.via}`],
        ["target", `${session.target} (${session.protocol})`],
        ["reason", session.reason],
        ["opened", session.opened_at],
        ["ended", session.ended_at ?? "still open"],
        ["recording", session.state === "ended" && !session.complete ? "incomplete" : "complete"],
      ],
    },
    castOf(lines, session.id),
  );
  try {
    if (context.json) io.json({ v: 1, event: "ready", url: server.url.href });
    else io.print(server.url.href);
    io.say(`  ${visible(session.id)}: the address works once; Ctrl-C ends it`);
    if (io.interactive) openBrowser(server.url.href);
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  } finally {
    await server.close();
  }
}
