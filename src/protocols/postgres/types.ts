/**
 * What masking must know of PostgreSQL's built-in types, by OID (pg_type.dat). Types made by CREATE TYPE or an extension
 * have OIDs of their own and are `unknown`.
 */
export type Family =
  /** Characters in both formats. */
  | "text"
  | "json"
  | "jsonb"
  | "bytea"
  /** Can hold the digits of a card. */
  | "long-number"
  /** Cannot hold anything a detector looks for. */
  | "opaque"
  | "array"
  | "unknown";

export interface PgType {
  readonly family: Family;
  /** A valid value that says nothing, for a masked column; without one the value becomes NULL. */
  readonly blank?: { readonly text: Buffer; readonly binary: Buffer };
  /** OID of an array's elements. */
  readonly element?: number;
}

export function typeOf(oid: number): PgType {
  return types.get(oid) ?? unknown;
}

export const oids = {
  bool: 16,
  bytea: 17,
  char: 18,
  int8: 20,
  int2: 21,
  int4: 23,
  oid: 26,
  json: 114,
  float4: 700,
  float8: 701,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
} as const;

const unknown: PgType = { family: "unknown" };

/** name, text, xml, unknown, bpchar, varchar, cstring, refcursor, tsvector, tsquery, jsonpath */
const textual = [19, 25, 142, 705, 1042, 1043, 2275, 1790, 3614, 3615, 4072];
/** cidr, point, lseg, path, box, polygon, line, circle, macaddr, macaddr8, inet, bit, varbit, money, xid, cid, tid, pg_lsn */
const opaque = [650, 600, 601, 602, 603, 604, 628, 718, 829, 774, 869, 1560, 1562, 790, 28, 29, 27, 3220];

const zeros = (length: number): Buffer => Buffer.alloc(length);
const blank = (text: string, binary: Buffer) => ({ text: Buffer.from(text), binary });

const scalars: readonly (readonly [oid: number, type: PgType])[] = [
  ...textual.map((oid) => [oid, { family: "text" }] as const),
  ...opaque.map((oid) => [oid, { family: "opaque" }] as const),
  [oids.char, { family: "opaque", blank: blank("*", Buffer.from("*")) }],
  [oids.json, { family: "json" }],
  [oids.jsonb, { family: "jsonb" }],
  [oids.bytea, { family: "bytea" }],
  [oids.bool, { family: "opaque", blank: blank("f", zeros(1)) }],
  [oids.int2, { family: "opaque", blank: blank("0", zeros(2)) }],
  [oids.int4, { family: "opaque", blank: blank("0", zeros(4)) }],
  [oids.oid, { family: "opaque", blank: blank("0", zeros(4)) }],
  [oids.int8, { family: "long-number", blank: blank("0", zeros(8)) }],
  [oids.numeric, { family: "long-number", blank: blank("0", zeros(8)) }],
  [oids.float4, { family: "opaque", blank: blank("0", zeros(4)) }],
  [oids.float8, { family: "long-number", blank: blank("0", zeros(8)) }],
  [oids.date, { family: "opaque", blank: blank("2000-01-01", zeros(4)) }],
  [oids.time, { family: "opaque", blank: blank("00:00:00", zeros(8)) }],
  [1266, { family: "opaque", blank: blank("00:00:00+00", zeros(12)) }],
  [oids.timestamp, { family: "opaque", blank: blank("2000-01-01 00:00:00", zeros(8)) }],
  [oids.timestamptz, { family: "opaque", blank: blank("2000-01-01 00:00:00+00", zeros(8)) }],
  [1186, { family: "opaque", blank: blank("00:00:00", zeros(16)) }],
  [oids.uuid, { family: "opaque", blank: blank("00000000-0000-0000-0000-000000000000", zeros(16)) }],
];

/** Array type → element type. */
const arrays: readonly (readonly [array: number, element: number])[] = [
  [143, 142],
  [199, 114],
  [271, 5069],
  [629, 628],
  [651, 650],
  [719, 718],
  [775, 774],
  [791, 790],
  [1000, 16],
  [1001, 17],
  [1002, 18],
  [1003, 19],
  [1005, 21],
  [1007, 23],
  [1009, 25],
  [1014, 1042],
  [1015, 1043],
  [1016, 20],
  [1021, 700],
  [1022, 701],
  [1028, 26],
  [1040, 829],
  [1041, 869],
  [1115, 1114],
  [1182, 1082],
  [1183, 1083],
  [1185, 1184],
  [1187, 1186],
  [1231, 1700],
  [1263, 2275],
  [1270, 1266],
  [1561, 1560],
  [1563, 1562],
  [2951, 2950],
  [3643, 3614],
  [3645, 3615],
  [3807, 3802],
  [4073, 4072],
];

const types: ReadonlyMap<number, PgType> = new Map<number, PgType>([
  ...scalars,
  ...arrays.map(([oid, element]) => [oid, { family: "array", element, blank: emptyArray(element) }] as const),
]);

/** Int32 dimensions 0 · Int32 flags 0 · Int32 element type */
function emptyArray(element: number): { readonly text: Buffer; readonly binary: Buffer } {
  const binary = Buffer.alloc(12);
  binary.writeUInt32BE(element, 8);
  return { text: Buffer.from("{}"), binary };
}
