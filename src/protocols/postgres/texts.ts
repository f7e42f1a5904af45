/**
 * Masks what a server says beside rows. Where a target has masked columns, any value a message quotes may come from one.
 *
 *   E, N: (Byte1 field · String)* · Byte 0    A: Int32 process · String channel · String payload    S: String name · String value
 *
 * https://www.postgresql.org/docs/current/protocol-error-fields.html
 */
import type { MaskPlan } from "../../core/masking/plan.ts";
import type { Masked } from "../../core/masking/rule.ts";
import { known, withoutUnknown } from "./quoting.ts";
import { parseErrorFields, parseParameterStatus } from "./wire/backend.ts";
import { Cursor } from "./wire/cursor.ts";
import { cstring, frame, int32 } from "./wire/encode.ts";

export interface TextContext {
  readonly masks: MaskPlan;
  /** What the client itself said: the statement's text, start-up parameters. Words that stand there may be said back. */
  readonly said: readonly string[];
}

const withheld = "withheld, it may quote masked data";

/** Scrubs an ErrorResponse or NoticeResponse. Throws WireError on a frame it cannot read. */
export function scrubMessage(message: Buffer, context: TextContext): Masked<Uint8Array> {
  const fields = parseErrorFields(message);
  const source = sourceOf(fields, context.said);
  const parts: Buffer[] = [];
  for (const [code, text] of fields) {
    const kept = context.masks.hasColumns ? scrubField(code, text, source) : text;
    if (kept !== undefined) parts.push(Buffer.from(code, "latin1"), cstring(context.masks.text(kept)));
  }
  return sealed(frame(String.fromCharCode(message[0] ?? 0), ...parts, Buffer.of(0)));
}

/** Scrubs a NotificationResponse: with masked columns a payload stays only where the client itself has said it. */
export function scrubNotification(message: Buffer, context: TextContext): Masked<Uint8Array> {
  const cursor = new Cursor(message, 5);
  const process = cursor.int32();
  const channel = cursor.text();
  const payload = cursor.text();
  const { masks, said } = context;
  const kept =
    !masks.hasColumns || payload === "" || known(payload, said) ? payload : masks.value("redact", payload);
  return sealed(frame("A", int32(process), cstring(masks.text(channel)), cstring(masks.text(kept))));
}

/** Parameters whose values come from sessions, so that data can be put in them; the others come from closed sets. */
const free: ReadonlySet<string> = new Set([
  "application_name",
  "search_path",
  "session_authorization",
  "role",
]);

/** Scrubs a ParameterStatus. */
export function scrubParameter(message: Buffer, context: TextContext): Masked<Uint8Array> {
  const { name, value } = parseParameterStatus(message);
  const { masks, said } = context;
  const risky = masks.hasColumns && value !== "" && (free.has(name) || value.length > 64);
  const kept = risky && !known(value, said) ? masks.value("redact", value) : value;
  return sealed(frame("S", cstring(masks.text(name)), cstring(masks.text(kept))));
}

function sealed(bytes: Uint8Array): Masked<Uint8Array> {
  return bytes as Masked<Uint8Array>;
}

interface Source {
  readonly relayed: boolean;
  /** Whether the statement failed on its own words, before any row was read. */
  readonly unread: boolean;
  /** What may be said back: the client's words and the catalog names the server itself reports. */
  readonly said: readonly string[];
}

function sourceOf(fields: ReadonlyMap<string, string>, said: readonly string[]): Source {
  const relayed = isRelayed(fields);
  const names = relayed ? [] : [..."stcdn"].flatMap((code) => fields.get(code) ?? []);
  const unread = !relayed && /^42(601|701|702|703|803|804|883|P01|P10)$/.test(fields.get("C") ?? "");
  return { relayed, unread, said: [...said, ...names] };
}

/**
 * Whether the text was composed by code that passes on whatever it is given: RAISE, another server's answer (dblink,
 * postgres_fdw), a procedural language. Told by the routine in the server's source, which SQL cannot set.
 */
function isRelayed(fields: ReadonlyMap<string, string>): boolean {
  const routine = fields.get("R") ?? "";
  const file = fields.get("F") ?? "";
  return (
    /raise|assert|dblink|fdw|report_error/i.test(routine) ||
    !/^[a-z0-9_]+\.[cyl]$/.test(file) ||
    languages.test(file)
  );
}

const languages = /^(dblink|connection|plperl|plpy_|pltcl|plv8|.*fdw)/;

/** Undefined drops the field. Severity, code, position and source place are the server's own words. */
function scrubField(code: string, text: string, source: Source): string | undefined {
  const { relayed, said } = source;
  switch (code) {
    case "S":
    case "V":
    case "C":
    case "P":
    case "p":
    case "F":
    case "L":
    case "R":
      return text;
    case "M":
      return relayed && !known(text, said) ? `message ${withheld}` : withoutUnknown(text, said);
    case "H":
      return relayed && !known(text, said) ? undefined : withoutUnknown(text, said);
    case "D":
      return relayed ? `detail ${withheld}` : detail(text, source);
    case "W":
      return text.split("\n").map(place).join("\n");
    case "s":
    case "t":
    case "c":
    case "d":
    case "n":
      // Names of the catalog, except where RAISE … USING sets them.
      return relayed ? undefined : text;
    default:
      // `q`, the text of an inner query, may be composed from data; fields of the future are unknown.
      return undefined;
  }
}

/** Details that tell of values keep their shape; others stay only if nothing but words the client knows is quoted. */
function detail(text: string, { unread, said }: Source): string {
  if (/^Failing row contains /.test(text)) return "Failing row contains [redacted].";
  const key =
    /^Key \([^)]*\)=\(.*\) ((?:already exists|is not present in table|is still referenced from table|conflicts with)[^()]*)/s;
  const shape = /^(Key \([^)]*\)=)\(/.exec(text)?.[1];
  const rest = key.exec(text)?.[1];
  if (shape !== undefined && rest !== undefined && !/existing key/.test(rest))
    return `${shape}([redacted]) ${rest}`;
  if (unread) return withoutUnknown(text, said);
  if (plainDetail.test(text)) return text;
  return `detail ${withheld}`;
}

/** Whole sentences of the server that hold numbers and catalog names only. */
const plainDetail =
  /^(?:Process \d+ (?:waits for|: )[^"]*|There (?:is|are) [^"]*|The server process [^"]*|Parameters? [^"]*|This operation [^"]*|Views that [^"]*|(?:Remaining|Returned) [^"]*)$/;

/** A line of context names the place only: what follows the place may be data. */
function place(line: string): string {
  const found =
    /^(?:PL\/pgSQL function [\w.$]+(?:\([\w\s,.[\]"]*\))? (?:line \d+ at [\w ,/]+|while [\w ]+)|PL\/pgSQL function inline_code_block line \d+ at [\w ,/]+|SQL function "[\w.$]+"(?: (?:statement \d+|during (?:startup|inlining)))?|COPY [\w.$]+, line \d+(?:, column [\w.$]+)?|JSON data, line \d+|while (?:updating|inserting|deleting|locking) tuple [\w ,()]+ in relation "[\w.$]+")/.exec(
      line,
    )?.[0];
  return found ?? "[redacted]";
}
