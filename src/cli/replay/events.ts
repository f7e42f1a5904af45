import type { ControlClient } from "../../agent/control-client.ts";
import { IhcError } from "../../base/errors.ts";
import type { JournalEvent, Recorded } from "../../core/journal/event.ts";

const most = 1024 * 1024 * 1024;

/** A session's recording as the gateway gives it out. Reading it is audited there. */
export async function fetchEvents(control: ControlClient, session: string): Promise<readonly Recorded[]> {
  const { id } = await control.session(session);
  const response = await control.get(`v1/sessions/${id}/journal`, {}, most);
  return parseEvents(response.body.toString("utf8"));
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
    const { seq, at, event }: { seq: number; at: string; event: JournalEvent & { data?: unknown } } = JSON.parse(line);
    const time = new Date(at);
    if (!Number.isSafeInteger(seq) || Number.isNaN(time.getTime()) || !types.has(event.type)) throw new TypeError("unknown event");
    if (typeof event.data !== "string") return { seq, at: time, event };
    return { seq, at: time, event: { ...event, data: Buffer.from(event.data, "base64") } as JournalEvent };
  } catch (cause) {
    throw new IhcError("corrupt", "the recording holds an event that this ihc cannot read", { hint: "use the gateway's version of ihc", cause });
  }
}
