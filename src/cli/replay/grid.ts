import { visible } from "../../base/text.ts";

/** Rows as psql shows them. Cells come from a target, so they are made safe here; null is shown as psql shows it: empty. */
export function grid(
  head: readonly string[],
  rows: readonly (readonly (string | null)[])[],
): readonly string[] {
  const shown = rows.map((row) => head.map((_, column) => visible(row[column] ?? "")));
  const names = head.map(visible);
  const widths = names.map((name, column) =>
    Math.max(width(name), ...shown.map((row) => width(row[column] ?? ""))),
  );
  const numeric = names.map(
    (_, column) => shown.length > 0 && shown.every((row) => /^-?[\d.]*$/.test(row[column] ?? "")),
  );
  const line = (cells: readonly string[], pad: (cell: string, column: number) => string): string =>
    cells
      .map((cell, column) => ` ${pad(cell, column)} `)
      .join("|")
      .trimEnd();
  return [
    line(names, (cell, column) => center(cell, widths[column] ?? 0)),
    widths.map((size) => "-".repeat(size + 2)).join("+"),
    ...shown.map((row) =>
      line(row, (cell, column) =>
        numeric[column] ? right(cell, widths[column] ?? 0) : left(cell, widths[column] ?? 0),
      ),
    ),
  ];
}

function width(text: string): number {
  return [...text].length;
}

function left(text: string, size: number): string {
  return text + " ".repeat(size - width(text));
}

function right(text: string, size: number): string {
  return " ".repeat(size - width(text)) + text;
}

function center(text: string, size: number): string {
  const room = size - width(text);
  return " ".repeat(Math.floor(room / 2)) + text + " ".repeat(Math.ceil(room / 2));
}
