import type { Json } from "../../base/json.ts";

/** A record as JSON: dates as text, absent members left out, lone surrogates replaced. Anything else is a TypeError. */
export function plainJson(value: unknown): Json {
  if (typeof value === "string") return value.toWellFormed();
  if (value === null || typeof value === "boolean" || typeof value === "number") return value;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plainJson);
  if (typeof value !== "object") throw new TypeError("a record holds JSON and dates only");
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key.toWellFormed(), plainJson(member)]));
}
