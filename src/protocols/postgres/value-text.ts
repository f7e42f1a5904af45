import { numberText } from "./numbers.ts";
import { oids, typeOf } from "./types.ts";

/** Writes a value in binary format as PostgreSQL's text format does (ISO dates, UTC); unknown types in hexadecimal. */
export function valueText(oid: number, bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  const reader = readers.get(oid);
  if (reader)
    return reader.size !== undefined && reader.size !== length
      ? hex(bytes, start, end)
      : reader.read(bytes, start, end);
  const { family, element } = typeOf(oid);
  if (family === "text" || family === "json") return bytes.toString("utf8", start, end);
  if (family === "array" && element !== undefined) return arrayText(element, bytes, start, end);
  return hex(bytes, start, end);
}

interface Reader {
  /** Bytes the value must have. */
  readonly size?: number;
  read(bytes: Buffer, start: number, end: number): string;
}

const number = (oid: number, size?: number): readonly [number, Reader] => [
  oid,
  {
    ...(size === undefined ? {} : { size }),
    read: (bytes, start, end) => numberText(oid, bytes, start, end),
  },
];

const readers: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  number(oids.int2, 2),
  number(oids.int4, 4),
  number(oids.oid, 4),
  number(oids.int8, 8),
  number(oids.float4, 4),
  number(oids.float8, 8),
  number(oids.numeric),
  [oids.bool, { size: 1, read: (bytes, start) => (bytes[start] === 0 ? "f" : "t") }],
  [oids.char, { size: 1, read: (bytes, start, end) => bytes.toString("latin1", start, end) }],
  [oids.jsonb, { read: (bytes, start, end) => bytes.toString("utf8", start + 1, end) }],
  [oids.uuid, { size: 16, read: uuidText }],
  [oids.date, { size: 4, read: (bytes, start) => dateText(bytes.readInt32BE(start)) }],
  [oids.time, { size: 8, read: (bytes, start) => timeText(bytes.readBigInt64BE(start)) }],
  [oids.timestamp, { size: 8, read: (bytes, start) => timestampText(bytes.readBigInt64BE(start), "") }],
  [oids.timestamptz, { size: 8, read: (bytes, start) => timestampText(bytes.readBigInt64BE(start), "+00") }],
]);

function hex(bytes: Buffer, start: number, end: number): string {
  return `\\x${bytes.toString("hex", start, end)}`;
}

function uuidText(bytes: Buffer, start: number, end: number): string {
  return bytes.toString("hex", start, end).replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const dayMicros = 86_400_000_000n;

function timestampText(micros: bigint, zone: string): string {
  if (micros === 2n ** 63n - 1n) return "infinity";
  if (micros === -(2n ** 63n)) return "-infinity";
  const inDay = ((micros % dayMicros) + dayMicros) % dayMicros;
  const day = dateText(Number((micros - inDay) / dayMicros));
  const [date = "", era] = day.split(" ");
  return `${date} ${timeText(inDay)}${zone}${era === undefined ? "" : ` ${era}`}`;
}

function timeText(micros: bigint): string {
  const pad = (value: bigint, width = 2): string => String(value).padStart(width, "0");
  const seconds = micros / 1_000_000n;
  const fraction = pad(micros % 1_000_000n, 6).replace(/0+$/, "");
  const clock = `${pad(seconds / 3600n)}:${pad((seconds / 60n) % 60n)}:${pad(seconds % 60n)}`;
  return fraction === "" ? clock : `${clock}.${fraction}`;
}

/** Days since 2000-01-01 in the proleptic Gregorian calendar, over years that begin in March. */
function dateText(days: number): string {
  if (days === 0x7fffffff) return "infinity";
  if (days === -0x80000000) return "-infinity";
  const z = days + 730_425;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1;
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const shown = String(year > 0 ? year : 1 - year).padStart(4, "0");
  return `${shown}-${pad2(month)}-${pad2(day)}${year > 0 ? "" : " BC"}`;
}

function pad2(value: number): string {
  return String(value).padStart(2, "0");
}

/** Arrays of one dimension; others in hexadecimal. */
function arrayText(element: number, bytes: Buffer, start: number, end: number): string {
  const dimensions = end - start >= 12 ? bytes.readInt32BE(start) : -1;
  if (dimensions === 0) return "{}";
  if (dimensions !== 1) return hex(bytes, start, end);
  const items: string[] = [];
  let at = start + 20;
  while (at + 4 <= end) {
    const length = bytes.readInt32BE(at);
    const to = at + 4 + Math.max(0, length);
    if (to > end) return hex(bytes, start, end);
    items.push(length < 0 ? "NULL" : quoted(valueText(element, bytes, at + 4, to)));
    at = to;
  }
  return `{${items.join(",")}}`;
}

function quoted(text: string): string {
  if (text !== "" && !/[\s{},"\\]|^null$/i.test(text)) return text;
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
