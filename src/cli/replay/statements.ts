import { visible } from "../../base/text.ts";
import type { JournalColumn, JournalEvent } from "../../core/journal/event.ts";
import { decodeRows } from "../../protocols/postgres/decode.ts";
import { shownText } from "../statement-text.ts";
import { grid } from "./grid.ts";
import { type Of, partOf, type Teller, type Told } from "./line.ts";

interface Result {
  columns: readonly JournalColumn[];
  rows: (readonly (string | null)[])[];
  copied: string[];
}

/** Statements at a psql-like prompt, verdicts and approvals with names, masked rows as tables, counts. */
export function statementTeller(target: string): Teller {
  const results = new Map<string, Result>();
  const connections = new Map<string, number>();
  const resultOf = (operation: string): Result => {
    const known = results.get(operation) ?? { columns: [], rows: [], copied: [] };
    results.set(operation, known);
    return known;
  };
  const prompt = (connection: string): string => {
    const number = connections.get(connection) ?? 1;
    return number === 1 ? target : `${target}#${number}`;
  };
  const tell = (event: JournalEvent): Told => {
    switch (event.type) {
      case "connection":
        return [["note", connectionText(event, numberOf(event, connections))]];
      case "operation":
        return operationText(event, prompt(event.connection));
      case "verdict":
        return verdictText(event);
      case "columns":
        resultOf(event.operation).columns = event.columns;
        return [];
      case "rows":
        addRows(resultOf(event.operation), event);
        return [];
      case "result": {
        const told = resultText(event, resultOf(event.operation));
        results.delete(event.operation);
        return told;
      }
      case "output":
        return shownText(Buffer.from(event.data).toString("utf8")).lines.map(
          (line) => ["plain", line] as const,
        );
      default:
        return [];
    }
  };
  return ({ event }) => [{ part: partOf(event), told: tell(event) }];
}

/** The lowest number that no open connection has, so that one after the other are all called 1. */
function numberOf(event: Of<"connection">, connections: Map<string, number>): number {
  const known = connections.get(event.connection);
  if (event.state === "closed") connections.delete(event.connection);
  if (known !== undefined) return known;
  const taken = new Set(connections.values());
  let number = 1;
  while (taken.has(number)) number += 1;
  if (event.state === "open") connections.set(event.connection, number);
  return number;
}

function connectionText(event: Of<"connection">, number: number): string {
  const client = event.client === undefined ? "" : ` by ${visible(event.client)}`;
  const reason = event.reason === undefined ? "" : `: ${visible(event.reason)}`;
  return event.state === "open"
    ? `-- connection ${number} opened${client}`
    : `-- connection ${number} closed${reason}`;
}

function operationText(event: Of<"operation">, prompt: string): Told {
  const lines = shownText(event.text).lines;
  return [
    ...lines.map((line, place) => ["prompt", `${prompt}${place === 0 ? "=>" : "->"} ${line}`] as const),
    ...event.parameters.map((value, place) => ["note", `   $${place + 1} = ${visible(value)}`] as const),
  ];
}

function verdictText(event: Of<"verdict">): Told {
  const reason = event.reason === undefined ? "" : `: ${visible(event.reason)}`;
  const by = event.approvedBy?.map(visible).join(", ") ?? "";
  const request = event.request === undefined ? "" : ` as ${event.request}`;
  switch (event.verdict) {
    case "allow":
      return by === "" ? [] : [["good", `-- approved by ${by}${request} (rule ${visible(event.rule)})`]];
    case "hold":
      return [["note", `NOTICE:  held for approval${request} (rule ${visible(event.rule)})${reason}`]];
    case "deny":
      return [
        ["bad", `ERROR:  denied by rule ${visible(event.rule)}${reason}${by === "" ? "" : ` (${by})`}`],
      ];
  }
}

function addRows(result: Result, event: Of<"rows">): void {
  if (event.format === "pg") result.rows.push(...decodeRows(event.data, result.columns));
  else result.copied.push(Buffer.from(event.data).toString("utf8"));
}

function resultText(event: Of<"result">, result: Result): Told {
  const told: Told[number][] = [];
  if (result.columns.length > 0) {
    for (const line of grid(
      result.columns.map(({ name }) => name),
      result.rows,
    ))
      told.push(["data", line]);
    told.push(["plain", `(${event.rows} ${event.rows === 1 ? "row" : "rows"})`]);
  }
  for (const line of shownText(result.copied.join("").trimEnd()).lines)
    if (line !== "") told.push(["data", line]);
  if (result.columns.length === 0)
    told.push([/^error/i.test(event.status) ? "bad" : "plain", visible(event.status)]);
  if (event.recordedRows < event.rows && event.recordedRows + event.rows > 0 && result.columns.length > 0)
    told.push([
      "note",
      `-- ${event.recordedRows} of ${event.rows} rows recorded, ${event.bytes} bytes shown to the client`,
    ]);
  if (event.maskedColumns.length > 0)
    told.push(["note", `-- masked: ${event.maskedColumns.map(visible).join(", ")}`]);
  return told;
}
