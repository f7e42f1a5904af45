import { StringDecoder } from "node:string_decoder";
import { visible, visibleLines } from "../../base/text.ts";
import type { JournalColumn, JournalEvent, Recorded } from "./event.ts";
import { type Cell, rowCount, tableLines } from "./table.ts";

/** Reads recorded rows of one format as text; the protocol that framed them brings it. */
export type RowDecoder = (
  data: Uint8Array,
  columns: readonly JournalColumn[],
) => readonly (readonly Cell[])[];

type Rows = Extract<JournalEvent, { type: "rows" }>;
type Result = Extract<JournalEvent, { type: "result" }>;

/** Rows of one result that a transcript shows. */
const mostRows = 10_000;

interface Open {
  columns: readonly JournalColumn[];
  rows: (readonly Cell[])[];
  unread: number;
}

/**
 * Turns a journal into what a person at a terminal would have seen, event by event: statements, verdicts, approvals with
 * names, masked rows, counts. Lines end in `\n`; nothing recorded can steer the terminal. One value serves one replay.
 */
export function transcriber(decoders: Readonly<Record<string, RowDecoder>>): (recorded: Recorded) => string {
  const open = new Map<string, Open>();
  const streams = new Map<string, StringDecoder>();
  const result = (operation: string): Open => {
    const known = open.get(operation) ?? { columns: [], rows: [], unread: 0 };
    open.set(operation, known);
    return known;
  };
  return ({ event }) => {
    switch (event.type) {
      case "columns":
        result(event.operation).columns = event.columns;
        return "";
      case "rows":
        collect(result(event.operation), event, decoders);
        return "";
      case "result": {
        const { columns, rows, unread } = result(event.operation);
        open.delete(event.operation);
        return lines(resultLines(event, columns, rows, unread));
      }
      case "output":
        return visibleLines(
          decoded(streams, `${event.connection} ${event.stream}`, event.data).replaceAll("\r\n", "\n"),
        );
      default:
        return lines(plainLines(event));
    }
  };
}

function collect(into: Open, { format, data }: Rows, decoders: Readonly<Record<string, RowDecoder>>): void {
  const decode = decoders[format];
  if (!decode) {
    into.unread += data.length;
    return;
  }
  for (const row of decode(data, into.columns)) if (into.rows.length < mostRows) into.rows.push(row);
}

function resultLines(
  event: Result,
  columns: readonly JournalColumn[],
  rows: readonly (readonly Cell[])[],
  unread: number,
): readonly string[] {
  const status = visible(event.status);
  const masked =
    event.maskedColumns.length > 0 ? [`-- masked: ${event.maskedColumns.map(visible).join(", ")}`] : [];
  const raw = unread > 0 ? [`-- ${unread} bytes in a format that this replay cannot read`] : [];
  if (columns.length === 0) return [...raw, status, ...masked];
  return [
    ...tableLines(columns, rows),
    ...raw,
    rowCount(event.rows, Math.min(event.recordedRows, event.rows)),
    ...masked,
  ];
}

/** Events that are text by themselves. */
function plainLines(
  event: Exclude<JournalEvent, { type: "columns" | "rows" | "result" | "output" }>,
): readonly string[] {
  switch (event.type) {
    case "session":
      return sessionLines(event);
    case "connection":
      return [
        `-- connection ${visible(event.connection)} ${event.state}${suffix(event.client)}${suffix(event.reason)}`,
      ];
    case "identity":
      return [`-- the target sees ${[event.user, ...event.groups].map(visible).join(", ")}`];
    case "operation":
      return operationLines(event);
    case "verdict":
      return verdictLines(event);
    case "resize":
      return [];
    case "note":
      return [`-- ${visible(event.text)}`];
    case "end":
      return [`-- end: ${visible(event.reason)}${event.complete ? "" : " (the recording is incomplete)"}`];
  }
}

function sessionLines(event: Extract<JournalEvent, { type: "session" }>): readonly string[] {
  const via = event.via === undefined ? "" : ` via ${visible(event.via)}`;
  const incident = event.incident === undefined ? "" : ` (${visible(event.incident)})`;
  return [
    `-- ${visible(event.session)}: ${visible(event.person)}${via} on ${visible(event.target)} (${visible(event.protocol)})`,
    `-- reason: ${visible(event.reason)}${incident}`,
    ...(event.breakGlass ? ["-- BREAK-GLASS: no review before access"] : []),
    ...(event.approvedBy.length > 0
      ? [`-- access approved by ${event.approvedBy.map(visible).join(", ")}`]
      : []),
  ];
}

function operationLines(event: Extract<JournalEvent, { type: "operation" }>): readonly string[] {
  const [first = "", ...rest] = visibleLines(event.text).split("\n");
  const parameters = event.parameters.map((value, at) => `$${at + 1} = ${visible(value)}`);
  return [
    "",
    `=> ${first}`,
    ...rest.map((line) => `-> ${line}`),
    ...(parameters.length > 0 ? [`-- parameters: ${parameters.join(", ")}`] : []),
  ];
}

function verdictLines(event: Extract<JournalEvent, { type: "verdict" }>): readonly string[] {
  const rule = `rule ${visible(event.rule)}`;
  const by = event.approvedBy?.length ? `, approved by ${event.approvedBy.map(visible).join(", ")}` : "";
  const request = event.request === undefined ? "" : ` as ${visible(event.request)}`;
  switch (event.verdict) {
    case "allow":
      return by === "" ? [] : [`-- allowed${request} (${rule}${by})`];
    case "hold":
      return [`-- held${request} (${rule})${suffix(event.reason)}`];
    case "deny":
      return [`-- DENIED${request} (${rule})${suffix(event.reason)}`];
  }
}

function suffix(text: string | undefined): string {
  return text === undefined ? "" : `: ${visible(text)}`;
}

/** A character may be cut by the end of an event; its rest comes with the next of the same stream. */
function decoded(streams: Map<string, StringDecoder>, name: string, data: Uint8Array): string {
  const decoder = streams.get(name) ?? new StringDecoder("utf8");
  streams.set(name, decoder);
  return decoder.write(Buffer.from(data));
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
