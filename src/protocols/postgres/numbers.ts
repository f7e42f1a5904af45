import { oids } from "./types.ts";

/** Writes a number in binary format as PostgreSQL's text format does. */
export function numberText(oid: number, bytes: Buffer, start: number, end: number): string {
  switch (oid) {
    case oids.int2:
      return String(bytes.readInt16BE(start));
    case oids.int4:
      return String(bytes.readInt32BE(start));
    case oids.oid:
      return String(bytes.readUInt32BE(start));
    case oids.int8:
      return String(bytes.readBigInt64BE(start));
    case oids.float4:
      return String(bytes.readFloatBE(start));
    case oids.float8:
      return String(bytes.readDoubleBE(start));
    default:
      return numericText(bytes, start, end);
  }
}

/**
 * Int16 digits · Int16 weight · Int16 sign · Int16 scale · digits × Int16 in base 10000, the first worth 10000^weight
 */
function numericText(bytes: Buffer, start: number, end: number): string {
  const count = bytes.readInt16BE(start);
  const weight = bytes.readInt16BE(start + 2);
  const sign = bytes.readUInt16BE(start + 4);
  const scale = bytes.readUInt16BE(start + 6) & 0x3fff;
  const special = { 49152: "NaN", 53248: "Infinity", 61440: "-Infinity" }[sign];
  if (special !== undefined) return special;
  const group = (index: number): string => {
    const at = start + 8 + 2 * index;
    const value = index >= 0 && index < count && at + 2 <= end ? bytes.readUInt16BE(at) : 0;
    return String(value).padStart(4, "0");
  };
  const places = (from: number, to: number): string =>
    Array.from({ length: Math.max(0, to - from) }, (_, i) => group(from + i)).join("");
  const whole = places(0, weight + 1).replace(/^0+(?=\d)/, "") || "0";
  const fraction = places(weight + 1, weight + 1 + Math.ceil(scale / 4)).slice(0, scale);
  return `${sign === 0x4000 ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
