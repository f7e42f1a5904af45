import { type Digest, sha256 } from "../../base/bytes.ts";
import type { Json } from "../../base/json.ts";
import { plainText } from "./plain.ts";

/** The tables whose rows the audit log vouches for. */
const vouchedTables = ["requests", "grants", "sessions", "chunks"] as const;
export type VouchedTable = (typeof vouchedTables)[number];

/**
 * What an entry says about a row that changed together with it. The store puts the list of them, as `vouches`, into the last
 * entry of each transaction that changes rows (or into an entry `row.changed` of its own), so no row changes unlogged.
 */
export interface Vouch {
  readonly table: VouchedTable;
  readonly id: string;
  readonly version: number;
  readonly digest: Digest;
}

/** sha256 over the canonical JSON of the whole record, dates as RFC 3339 text. */
export function rowDigest(record: object): Digest {
  return sha256(rowText(record));
}

/** The text that a row's digest covers, which is also how the store keeps the record. */
export function rowText(record: object): string {
  return plainText(record);
}

/** The vouches of an entry's detail; an entry that carries none, or a malformed one, yields what can be read. */
export function vouchesOf(detail: Json | undefined): readonly Vouch[] {
  if (!isObject(detail)) return [];
  const { vouches } = detail;
  return Array.isArray(vouches) ? vouches.flatMap((item: Json) => vouchOf(item)) : [];
}

function vouchOf(item: Json): Vouch[] {
  if (!isObject(item)) return [];
  const { table, id, version, digest } = item;
  const known = vouchedTables.find((name) => name === table);
  if (!known || typeof id !== "string" || typeof version !== "number" || typeof digest !== "string")
    return [];
  return [{ table: known, id, version, digest: digest as Digest }];
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
