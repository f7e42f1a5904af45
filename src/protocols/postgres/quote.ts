/** An SQL identifier, always quoted, so that no name can be more than a name. */
export function identifier(name: string): string {
  if (name === "" || name.includes("\0")) throw new TypeError("not an identifier");
  return `"${name.replaceAll('"', '""')}"`;
}

export function qualified(schema: string, name: string): string {
  return `${identifier(schema)}.${identifier(name)}`;
}

/** Text in a comment line of a script: a line break would end the comment. */
export function comment(text: string): string {
  return `-- ${text.replace(/[^\x20-\x7e\u00a0-\u{10ffff}]|[\u2028\u2029\u0085]/gu, "?")}`;
}
