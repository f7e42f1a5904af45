import type { Line } from "./story.ts";

/** asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): a header, then [seconds since the last, "o", text]. */
export function castOf(lines: readonly Line[], title: string): string {
  const [first] = lines;
  const began = first?.at.getTime() ?? 0;
  const cols = Math.min(200, Math.max(80, ...lines.map(({ text }) => [...text].length + 1)));
  const header = { version: 3, term: { cols, rows: 40 }, timestamp: Math.floor(began / 1000), title };
  let last = began;
  const events = lines.map((line) => {
    const interval = Math.max(0, line.at.getTime() - last) / 1000;
    last = Math.max(last, line.at.getTime());
    return JSON.stringify([interval, "o", `${colors[line.tone]}${line.text}\u001b[0m\r\n`]);
  });
  return `${[JSON.stringify(header), ...events].join("\n")}\n`;
}

/** The text holds no escape sequence of its own any more; these are ours. */
const colors: Readonly<Record<Line["tone"], string>> = {
  prompt: "\u001b[1m",
  data: "",
  note: "\u001b[2m",
  bad: "\u001b[31m",
  good: "\u001b[32m",
  plain: "",
};
