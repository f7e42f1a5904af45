import { sortedJson } from "../../base/json.ts";
import { plainText } from "../audit/plain.ts";
import type { JournalColumn, JournalEvent } from "./event.ts";

type Kind<Type extends JournalEvent["type"]> = Extract<JournalEvent, { type: Type }>;

/** All keys, the optional ones too, so that none is forgotten here when an event gets a new one. */
type Whole<Event> = Readonly<Record<keyof Event, unknown>>;

/**
 * The header of a frame: the canonical JSON of {at, event, seq} without the event's own bytes. Five events stand in the
 * journal for each statement, so those are written with their keys in order and serialized in one go.
 */
export function headerText(seq: number, at: Date, event: JournalEvent): string {
  return quickText(seq, at, event) ?? plainText({ seq, at, event: withoutData(event) });
}

function quickText(seq: number, at: Date, event: JournalEvent): string | undefined {
  if (event.type === "columns") return columnsText(seq, at, event);
  const ordered = inOrder(event);
  return ordered && sortedJson({ at: timeText(at), event: ordered, seq });
}

function inOrder(event: JournalEvent): object | undefined {
  switch (event.type) {
    case "operation":
      // Its own keys would have to be in order too; the usual statement has none.
      return event.attributes ? undefined : operation(event);
    case "verdict":
      return verdict(event);
    case "rows":
      return { format: event.format, operation: event.operation, type: event.type };
    case "result":
      // What is no number would be written as null.
      return Number.isFinite(event.rows) && Number.isFinite(event.bytes) ? result(event) : undefined;
    default:
      return undefined;
  }
}

function operation(event: Kind<"operation">): Whole<Kind<"operation">> {
  return {
    attributes: event.attributes,
    connection: event.connection,
    digest: event.digest,
    effect: event.effect,
    kind: event.kind,
    operation: event.operation,
    parameters: event.parameters,
    resources: event.resources,
    text: event.text,
    traits: event.traits,
    type: event.type,
  };
}

function verdict(event: Kind<"verdict">): Whole<Kind<"verdict">> {
  return {
    approvedBy: event.approvedBy,
    operation: event.operation,
    reason: event.reason,
    request: event.request,
    rule: event.rule,
    type: event.type,
    verdict: event.verdict,
  };
}

function result(event: Kind<"result">): Whole<Kind<"result">> {
  return {
    bytes: event.bytes,
    maskedColumns: event.maskedColumns,
    operation: event.operation,
    recordedRows: event.recordedRows,
    rows: event.rows,
    status: event.status,
    type: event.type,
  };
}

/** The columns of a shape stay the same list for all its results, and so does their text. */
const columnTexts = new WeakMap<readonly JournalColumn[], string>();

function columnsText(seq: number, at: Date, event: Kind<"columns">): string {
  let columns = columnTexts.get(event.columns);
  if (columns === undefined) {
    columns = plainText(event.columns);
    columnTexts.set(event.columns, columns);
  }
  const { format, operation: id, type } = event;
  return `{"at":"${timeText(at)}","event":{"columns":${columns},"format":${plainText(format)},"operation":${plainText(id)},"type":"${type}"},"seq":${plainText(seq)}}`;
}

let lastTime = Number.NaN;
let lastText = "";

/** RFC 3339 in UTC. Many events fall into one millisecond, and writing a date costs as much as the rest of a header. */
function timeText(at: Date): string {
  const time = at.getTime();
  if (time !== lastTime) {
    lastText = at.toISOString();
    lastTime = time;
  }
  return lastText;
}

function withoutData(event: JournalEvent): object {
  if (event.type !== "rows" && event.type !== "output") return event;
  const { data: _bytes, ...rest } = event;
  return rest;
}
