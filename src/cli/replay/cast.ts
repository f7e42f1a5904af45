import type { Line, Tone } from "./line.ts";

/** Columns and rows of a terminal. */
interface Size {
  readonly columns: number;
  readonly rows: number;
}

/**
 * asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): a header, then [seconds since the last, "o", text] for each
 * line and each piece of a terminal, and [seconds, "r", "120x40"] where that has another size.
 */
export function castOf(lines: readonly Line[], title: string): string {
  const began = lines[0]?.at.getTime() ?? 0;
  const { columns, rows } = firstSize(lines);
  const term = { cols: columns, rows };
  const header = { version: 3, term, timestamp: Math.floor(began / 1000), title };
  let last = began;
  const events = lines.map((line) => {
    const interval = Math.max(0, line.at.getTime() - last) / 1000;
    last = Math.max(last, line.at.getTime());
    return JSON.stringify([interval, line.tone === "size" ? "r" : "o", shown(line)]);
  });
  return `${[JSON.stringify(header), ...events].join("\n")}\n`;
}

/** A recording of nothing but a terminal has that terminal's size from the start; lines need room for the longest. */
function firstSize(lines: readonly Line[]): Size {
  const sized = lines.find(({ tone }) => tone === "size");
  const texts = lines.filter(({ tone }) => tone !== "terminal" && tone !== "size");
  const [columns = 80, rows = 24] = sized === undefined ? [] : sized.text.split("x").map(Number);
  if (texts.length === 0) return { columns, rows };
  return { columns: Math.min(200, Math.max(80, ...texts.map(({ text }) => [...text].length + 1))), rows: 40 };
}

function shown({ tone, text }: Line): string {
  return tone === "terminal" || tone === "size" ? text : `${colors[tone]}${text}\u001b[0m\r\n`;
}

/** The text of a line holds no escape sequence of its own any more; these are ours. */
const colors: Readonly<Record<Exclude<Tone, "terminal" | "size">, string>> = {
  prompt: "\u001b[1m",
  data: "",
  note: "\u001b[2m",
  bad: "\u001b[31m",
  good: "\u001b[32m",
  plain: "",
};
