import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { Recorded } from "../../core/journal/event.ts";
import type { ReplayView } from "../../web/page.ts";
import { serveReplay } from "../../web/replay.ts";
import { openBrowser } from "../browser.ts";
import type { Context } from "../context.ts";
import { uploadLeftovers } from "../leftovers.ts";
import type { Invocation } from "../options.ts";
import { readBundle } from "../replay/bundle.ts";
import { castOf } from "../replay/cast.ts";
import { commandReplay, commandReplays } from "../replay/commands.ts";
import { fetchEvents, followEvents } from "../replay/events.ts";
import type { Line } from "../replay/line.ts";
import { colored, play } from "../replay/player.ts";
import { story, storyteller } from "../replay/story.ts";

const formats = ["text", "json", "cast"] as const;
const tracks = ["gateway", "client"] as const;

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const format = context.json ? "json" : typed.choice("format", formats);
  const pace = { speed: speedOf(typed.text("speed")), idleLimit: typed.duration("idleLimit") ?? 2000 };
  if (typed.flag("follow")) return await follow(context, typed, format);
  const { session, events } = await recording(context, typed);
  if (typed.flag("web")) return await inBrowser(context, viewOf(session, events, typed));
  if (format === "json") {
    for (const recorded of events) io.json(jsonOf(recorded));
    return undefined;
  }
  const plain = format === "text" || typed.text("grep") !== undefined || (format !== "cast" && !io.terminal);
  const { title, lines } = scene(session, events, typed, plain);
  if (format === "cast") await io.write(castOf(lines, title));
  else if (plain) for (const line of lines) io.print(colored(line, io));
  else await play(lines, io, pace, context.signal);
  return undefined;
}

/** The whole session, or one command of it. */
function scene(
  session: string,
  events: readonly Recorded[],
  typed: Invocation,
  plain: boolean,
): { readonly title: string; readonly lines: readonly Line[] } {
  const number = typed.text("exec");
  const full = typed.flag("full");
  if (number !== undefined && !plain) return commandReplay(events, number);
  const told = grepped(story(events, { terminal: !plain, full }), typed.text("grep"));
  if (number === undefined) return { title: session, lines: told };
  const { operation } = commandReplay(events, number);
  return { title: session, lines: told.filter(({ part }) => part === operation) };
}

/** From the gateway, or from a bundle without it. */
async function recording(
  context: Context,
  typed: Invocation,
): Promise<{ readonly session: string; readonly events: readonly Recorded[] }> {
  const file = typed.text("file");
  const [name] = typed.args;
  const track = typed.choice("track", tracks) ?? "gateway";
  if (file !== undefined && name !== undefined)
    throw new IhcError("usage", "a session and --file exclude each other");
  if (file !== undefined) return await readBundle(file, typed.text("key"), typed.text("identity"), track);
  if (name === undefined)
    throw new IhcError("usage", "which session?", { hint: "list them with ihc sessions, or give --file" });
  const control = await context.control();
  const { id } = await control.session(name);
  const progress = context.io.progress(`  reading the recording of ${id}`);
  try {
    await uploadLeftovers(context);
    return { session: id, events: await fetchEvents(control, id, track) };
  } finally {
    progress.stop();
  }
}

/** As it happens, each line when it comes; ends with the session or with Ctrl-C. */
async function follow(context: Context, typed: Invocation, format: string | undefined): Promise<undefined> {
  const { io, signal } = context;
  if (typed.text("track") === "client")
    throw new IhcError("usage", "--follow shows the gateway's own recording only", {
      hint: "leave --track, or --follow",
    });
  if (typed.flag("web") || typed.text("file") !== undefined || format === "cast")
    throw new IhcError("usage", "--follow prints text or --json only", {
      hint: "leave --web, --file or --format cast",
    });
  const needle = typed.text("grep")?.toLowerCase() ?? "";
  const tell = storyteller({ terminal: false, full: typed.flag("full") });
  const show = (recorded: Recorded): void => {
    if (format === "json") io.json(jsonOf(recorded));
    else
      for (const line of tell(recorded))
        if (line.text.toLowerCase().includes(needle)) io.print(colored(line, io));
  };
  await followEvents(await context.control(), typed.argument(0), show, signal);
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

async function inBrowser(context: Context, view: ReplayView): Promise<undefined> {
  const { io, signal } = context;
  const server = await serveReplay(view);
  try {
    if (context.json) io.json({ v: 1, event: "ready", url: server.url.href });
    else io.print(server.url.href);
    io.say(`  ${visible(view.title)}: the address works once; Ctrl-C ends it`);
    if (io.interactive) openBrowser(server.url.href);
    if (!signal.aborted)
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  } finally {
    await server.close();
  }
  return undefined;
}

/** Statements are played as in a terminal; requests are read, and only their commands have terminals. */
function viewOf(session: string, events: readonly Recorded[], typed: Invocation): ReplayView {
  const lines = grepped(story(events, { terminal: false, full: typed.flag("full") }), typed.text("grep"));
  const [first] = events;
  const played = first?.event.type !== "session" || first.event.protocol !== "kubernetes";
  const commands = [...commandReplays(events).values()];
  const casts = played
    ? [{ title: "", cast: castOf(lines, session) }]
    : commands.map((one) => ({ title: one.title, cast: castOf(one.lines, one.title) }));
  return { title: session, facts: factsOf(events), casts, log: played ? [] : lines };
}

/** What the recording says of itself. */
function factsOf(events: readonly Recorded[]): readonly (readonly [string, string])[] {
  const [first] = events;
  const last = events.at(-1);
  if (first === undefined || first.event.type !== "session") return [];
  const { person, via, target, protocol, reason, incident, approvedBy, breakGlass } = first.event;
  return [
    ["person", via === undefined ? person : `${person} via ${via}`],
    ["target", `${target} (${protocol})`],
    ["reason", incident === undefined ? reason : `${reason} (${incident})`],
    [
      "approved by",
      breakGlass ? "nobody: break-glass" : approvedBy.join(", ") || "nobody: policy asks for none",
    ],
    ["opened", first.at.toISOString()],
    ["ended", last?.event.type === "end" ? `${last.at.toISOString()}: ${last.event.reason}` : "still open"],
    ["recording", last?.event.type === "end" && !last.event.complete ? "incomplete" : "complete"],
  ];
}
