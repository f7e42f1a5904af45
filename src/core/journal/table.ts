import { visible } from "../../base/text.ts";

/** A cell of a recorded row; null is SQL's NULL. */
export type Cell = string | null;

export interface TableColumn {
  readonly name: string;
  /** Values stand at the right, as numbers do. */
  readonly right?: boolean;
}

/** Characters of one cell that are shown; a longer one ends in `…`. */
const widestCell = 200;

/**
 * Rows the way psql shows them, as lines. Whatever a terminal would obey is escaped, so a recorded value cannot draw outside
 * its cell; NULL is `∅`, which an empty text is not.
 */
export function tableLines(
  columns: readonly TableColumn[],
  rows: readonly (readonly Cell[])[],
): readonly string[] {
  const names = columns.map(({ name }) => cellText(name));
  const cells = rows.map((row) => columns.map((_, at) => cellText(row[at] ?? null)));
  const widths = names.map((name, at) =>
    cells.reduce((most, row) => Math.max(most, width(row[at])), width(name)),
  );
  const line = (row: readonly string[], place: (text: string, at: number) => string): string =>
    ` ${row.map(place).join(" | ")}`.trimEnd();
  return [
    line(names, (name, at) => centered(name, widths[at] ?? 0)),
    widths.map((wide) => "-".repeat(wide + 2)).join("+"),
    ...cells.map((row) =>
      line(row, (text, at) => {
        const gap = " ".repeat(Math.max(0, (widths[at] ?? 0) - width(text)));
        return columns[at]?.right ? gap + text : text + gap;
      }),
    ),
  ];
}

/** `(1 row)`, `(7 rows)`, and how many of them are in the recording if not all. */
export function rowCount(rows: number, recorded = rows): string {
  const count = `${rows} row${rows === 1 ? "" : "s"}`;
  return recorded < rows ? `(${count}, ${recorded} recorded)` : `(${count})`;
}

function cellText(cell: Cell): string {
  if (cell === null) return "∅";
  const text = [...visible(cell.slice(0, 4 * widestCell))];
  return text.length > widestCell || cell.length > 4 * widestCell
    ? `${text.slice(0, widestCell).join("")}…`
    : text.join("");
}

function centered(text: string, wide: number): string {
  const gap = Math.max(0, wide - width(text));
  const left = Math.floor(gap / 2);
  return " ".repeat(left) + text + " ".repeat(gap - left);
}

/** Terminal columns, near enough: combining marks take none, East Asian wide characters and emoji two. */
function width(text: string | undefined): number {
  let columns = 0;
  for (const character of text ?? "") {
    if (/\p{M}/u.test(character)) continue;
    columns += wideCharacter.test(character) ? 2 : 1;
  }
  return columns;
}

const wideCharacter =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]/u;
