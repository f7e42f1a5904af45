/**
 * A record as canonical JSON (RFC 8785): dates as text, absent members left out, lone surrogates replaced. Anything else than
 * JSON and dates is a TypeError. One pass, since every event of a recording goes through it.
 */
export function plainText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.isWellFormed() ? value : value.toWellFormed());
    case "number":
      if (!Number.isFinite(value)) throw new TypeError("a canonical number is finite");
      return JSON.stringify(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      return objectText(value);
    default:
      throw new TypeError("a record holds JSON and dates only");
  }
}

function objectText(value: object | null): string {
  if (value === null) return "null";
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (Array.isArray(value)) return `[${value.map(plainText).join(",")}]`;
  const members = value as Readonly<Record<string, unknown>>;
  let text = "";
  // `sort` without a function orders by UTF-16 code units, which is the RFC's order.
  for (const key of Object.keys(members).sort()) {
    const member = members[key];
    if (member !== undefined) text += `${text === "" ? "" : ","}${plainText(key)}:${plainText(member)}`;
  }
  return `{${text}}`;
}
