import { StringDecoder } from "node:string_decoder";
import { IhcError } from "../../base/errors.ts";
import type { ConnectionId } from "../../base/ids.ts";
import type { Masked } from "../masking/rule.ts";
import type { JournalEvent, Recorded } from "./event.ts";

/**
 * asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): a header line, then a line `[seconds since the last event,
 * code, data]` for each. Terminal output and input keep their bytes, which a player draws and a terminal must not obey;
 * everything else becomes output through the transcriber.
 */
export interface CastHeader {
  readonly title: string;
  readonly columns: number;
  readonly rows: number;
}

type CastCode = "o" | "i" | "r" | "m" | "x";

export interface CastEvent {
  /** Seconds since the event before. */
  readonly after: number;
  readonly code: CastCode;
  readonly data: string;
}

/** A journal as the lines of a cast, each with its line break. `transcribe` is a fresh transcriber. */
export async function* castLines(
  events: AsyncIterable<Recorded>,
  header: CastHeader,
  transcribe: (recorded: Recorded) => string,
): AsyncIterable<string> {
  const streams = new Map<string, StringDecoder>();
  let last: number | undefined;
  for await (const recorded of events) {
    const now = recorded.at.getTime();
    if (last === undefined) yield headerLine(header, now);
    const line = castOf(recorded, streams, transcribe);
    // A clock that was set back must not make a player run backwards.
    const after = Math.max(0, now - (last ?? now));
    if (line && line.data !== "") yield `${JSON.stringify([after / 1000, line.code, line.data])}\n`;
    if (last === undefined || (line && line.data !== "")) last = Math.max(now, last ?? now);
  }
  if (last === undefined) yield headerLine(header, 0);
}

/** Reads a cast; throws IhcError `invalid` for what is not asciicast v3. */
export function parseCast(text: string): {
  readonly header: CastHeader;
  readonly events: readonly CastEvent[];
} {
  const [first = "", ...rest] = text.split("\n");
  const header = parseHeader(parsedLine(first));
  // Lines that begin with # are comments.
  const events = rest
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => parseEvent(parsedLine(line)));
  return { header, events };
}

/** A cast's event as one of a journal; undefined for markers and exits. The text was masked before it was recorded. */
export function journalOf(event: CastEvent, connection: ConnectionId): JournalEvent | undefined {
  if (event.code === "o" || event.code === "i") {
    const data = Buffer.from(event.data) as Uint8Array as Masked<Uint8Array>;
    return { type: "output", connection, stream: event.code === "o" ? "out" : "in", data };
  }
  const size = event.code === "r" ? /^(\d{1,5})x(\d{1,5})$/.exec(event.data) : null;
  return size ? { type: "resize", connection, columns: Number(size[1]), rows: Number(size[2]) } : undefined;
}

function castOf(
  recorded: Recorded,
  streams: Map<string, StringDecoder>,
  transcribe: (recorded: Recorded) => string,
): { readonly code: CastCode; readonly data: string } | undefined {
  const { event } = recorded;
  if (event.type === "resize") return { code: "r", data: `${event.columns}x${event.rows}` };
  if (event.type !== "output") return { code: "o", data: transcribe(recorded).replaceAll("\n", "\r\n") };
  const name = `${event.connection} ${event.stream}`;
  const decoder = streams.get(name) ?? new StringDecoder("utf8");
  streams.set(name, decoder);
  return { code: event.stream === "in" ? "i" : "o", data: decoder.write(Buffer.from(event.data)) };
}

function headerLine({ title, columns, rows }: CastHeader, start: number): string {
  const term = { cols: columns, rows };
  return `${JSON.stringify({ version: 3, term, timestamp: Math.floor(start / 1000), title })}\n`;
}

function parsedLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw notACast(cause);
  }
}

function parseHeader(value: unknown): CastHeader {
  const header = (value ?? {}) as {
    version?: unknown;
    title?: unknown;
    term?: { cols?: unknown; rows?: unknown };
  };
  const { cols, rows } = header.term ?? {};
  if (header.version !== 3 || typeof cols !== "number" || typeof rows !== "number") throw notACast();
  return { title: typeof header.title === "string" ? header.title : "", columns: cols, rows };
}

function parseEvent(value: unknown): CastEvent {
  const [after, code, data] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  const known = codes.find((each) => each === code);
  if (typeof after !== "number" || !(after >= 0) || !known || typeof data !== "string") throw notACast();
  return { after, code: known, data };
}

const codes: readonly CastCode[] = ["o", "i", "r", "m", "x"];

function notACast(cause?: unknown): IhcError {
  return new IhcError("invalid", "this is not a recording in asciicast v3", { cause });
}
