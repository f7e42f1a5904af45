/** The text frames of a tunnel. */
export type Control = { readonly t: "eof" } | { readonly t: "end"; readonly reason: string };

const longest = 4096;

/** Reads a text frame; undefined when it is not one we know. */
export function parseControl(data: Buffer): Control | undefined {
  if (data.length > longest) return undefined;
  const value = parsed(data.toString("utf8"));
  if (typeof value !== "object" || value === null || !("t" in value)) return undefined;
  if (value.t === "eof") return { t: "eof" };
  if (value.t === "end" && "reason" in value && typeof value.reason === "string")
    return { t: "end", reason: value.reason };
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
