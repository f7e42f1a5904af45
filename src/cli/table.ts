import { stripVTControlCharacters } from "node:util";

/** Columns that line up, two blanks apart. Cells are already safe and may be coloured; the last one is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => width(row[column] ?? ""))));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - width(cell)),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function width(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}

/** `11:32` today, `Nov 23 11:32` else; in the machine's time zone, as people at it read clocks. */
export function clockTime(at: string | Date, now: Date): string {
  const date = new Date(at);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return date.toDateString() === now.toDateString()
    ? time
    : `${months[date.getMonth()] ?? ""} ${two(date.getDate())} ${time}`;
}

/** `3m ago`, `in 58m`: one unit, rounded down. */
export function relative(at: string | Date, now: Date): string {
  const ms = new Date(at).getTime() - now.getTime();
  const text = short(Math.abs(ms));
  return ms >= 0 ? `in ${text}` : `${text} ago`;
}

/** One unit is enough for a listing. */
export function short(ms: number): string {
  for (const [unit, size] of [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
  ] as const)
    if (ms >= size) return `${Math.floor(ms / size)}${unit}`;
  return `${Math.floor(ms / 1000)}s`;
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function two(n: number): string {
  return String(n).padStart(2, "0");
}
