import type { ControlClient } from "../../agent/control-client.ts";
import { IhcError } from "../../base/errors.ts";
import type { JournalEvent, Recorded } from "../../core/journal/event.ts";

const most = 1024 * 1024 * 1024;

/** The gateway's own recording, or the copy that the session's client uploaded. */
export type TrackName = "gateway" | "client";

/** A session's recording as the gateway gives it out. Reading it is audited there. */
export async function fetchEvents(
  control: ControlClient,
  session: string,
  track: TrackName,
): Promise<readonly Recorded[]> {
  const { id } = await control.session(session);
  const query = track === "client" ? { track } : {};
  const response = await control.get(`v1/sessions/${id}/journal`, query, most);
  return parseEvents(response.body.toString("utf8"));
}

/** As the session goes on: what has happened first, then what happens, until it ends or `signal` aborts. */
export async function followEvents(
  control: ControlClient,
  session: string,
  tell: (recorded: Recorded) => void,
  signal: AbortSignal,
): Promise<void> {
  const { id } = await control.session(session);
  let rest: Uint8Array = new Uint8Array();
  const each = (chunk: Buffer): void => {
    const bytes = Buffer.concat([rest, chunk]);
    const end = bytes.lastIndexOf("\n") + 1;
    rest = bytes.subarray(end);
    for (const recorded of parseEvents(bytes.toString("utf8", 0, end))) tell(recorded);
  };
  await control.follow(`v1/sessions/${id}/events`, each, signal).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

/** One JSON object a line; bytes are base64. Throws IhcError `corrupt`. */
export function parseEvents(text: string): readonly Recorded[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);
}

const types: ReadonlySet<string> = new Set<JournalEvent["type"]>([
  "session",
  "connection",
  "identity",
  "operation",
  "verdict",
  "columns",
  "rows",
  "result",
  "output",
  "resize",
  "note",
  "end",
]);

function parseLine(line: string): Recorded {
  try {
    // The gateway wrote it from the same type; a kind of event that we do not know is refused.
    const { seq, at, event }: { seq: number; at: string; event: JournalEvent } = JSON.parse(line);
    const time = new Date(at);
    if (!Number.isSafeInteger(seq) || Number.isNaN(time.getTime()) || !types.has(event.type))
      throw new TypeError("unknown event");
    return { seq, at: time, event: withBytes(event) };
  } catch (cause) {
    throw new IhcError("corrupt", "the recording holds an event that this ihc cannot read", {
      hint: "use the gateway's version of ihc",
      cause,
    });
  }
}

/** JSON carries bytes as base64; they were masked before they were recorded. */
function withBytes(event: JournalEvent): JournalEvent {
  if (event.type === "rows")
    return { ...event, data: Buffer.from(String(event.data), "base64") as Uint8Array as typeof event.data };
  if (event.type === "output")
    return { ...event, data: Buffer.from(String(event.data), "base64") as Uint8Array as typeof event.data };
  return event;
}
