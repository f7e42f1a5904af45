/** Fields of one row in COPY's text format, still escaped: a delimiter behind a backslash is data. */
export function splitText(row: string, delimiter: string): readonly string[] {
  const fields: string[] = [];
  let from = 0;
  for (let at = 0; at < row.length; at++) {
    if (row[at] === "\\") at++;
    else if (row[at] === delimiter) {
      fields.push(row.slice(from, at));
      from = at + 1;
    }
  }
  return [...fields, row.slice(from)];
}

/** How CSV is written; each one character. */
export interface Csv {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
}

/** Fields of one row in CSV format, still quoted. */
export function splitCsv(row: string, csv: Csv): readonly string[] {
  const fields: string[] = [];
  let from = 0;
  let quoted = false;
  for (let at = 0; at < row.length; at++) {
    if (quoted && isEscaped(row, at, csv)) at++;
    else if (row[at] === csv.quote) quoted = !quoted;
    else if (row[at] === csv.delimiter && !quoted) {
      fields.push(row.slice(from, at));
      from = at + 1;
    }
  }
  return [...fields, row.slice(from)];
}

/** The value that a CSV field stands for. */
export function csvUntext(raw: string, csv: Csv): string {
  let value = "";
  let quoted = false;
  for (let at = 0; at < raw.length; at++) {
    if (quoted && isEscaped(raw, at, csv)) value += raw[++at];
    else if (raw[at] === csv.quote) quoted = !quoted;
    else value += raw[at];
  }
  return value;
}

/** Writes a value as a quoted CSV field. */
export function csvText(value: string, { quote, escape: mark }: Csv): string {
  const inner = [...value].map((c) => (c === quote || c === mark ? mark + c : c)).join("");
  return quote + inner + quote;
}

function isEscaped(row: string, at: number, { quote, escape: mark }: Csv): boolean {
  return row[at] === mark && (row[at + 1] === quote || row[at + 1] === mark);
}

const named: ReadonlyMap<string, string> = new Map([
  ["b", "\b"],
  ["f", "\f"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
  ["v", "\v"],
]);

/** The value that a field in text format stands for. */
export function copyUntext(raw: string): string {
  if (!raw.includes("\\")) return raw;
  return raw.replace(/\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|[\s\S])/g, (_all, code: string) => {
    if (/^x./.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
    if (/^[0-7]/.test(code)) return String.fromCharCode(Number.parseInt(code, 8));
    return named.get(code) ?? code;
  });
}

/** Writes a value as a field in text format. */
export function copyText(value: string, delimiter: string): string {
  return [...value]
    .map((c) => {
      for (const [letter, meaning] of named) if (c === meaning) return `\\${letter}`;
      return c === "\\" || c === delimiter ? `\\${c}` : c;
    })
    .join("");
}
