/** One line of the result: a figure for each path, in its own unit, and what it is compared with. */
export interface Row {
  readonly part: string;
  readonly name: string;
  readonly path: string;
  /** Median over the rounds. */
  readonly value: number;
  readonly unit: string;
  /** Of direct, of the blind relay and of `ssh -L`, measured in the same rounds: medians. Above 1 is more of the unit. */
  readonly ofDirect?: number;
  readonly ofBlind?: number;
  readonly ofSsh?: number;
  /** What stands in the column of the blind relay instead. */
  readonly yardstick?: string;
  /** CPU microseconds per query or per MB: of the local process and of the one beside the database. */
  readonly cpuLocal?: number;
  readonly cpuRemote?: number;
}

/** Takes each row as it is known. */
export type Tell = (row: Row) => void;

/** The heads of the columns for a row. */
export function columnsOf({ yardstick = "blind" }: Row): string {
  return `path                              value          of direct  of ${yardstick.padEnd(7)}of ssh -L  cpu near   cpu far`;
}

/** A line of text under the columns. */
export function lineOf(row: Row): string {
  const value = `${shown(row.value)} ${row.unit}`;
  return [
    `  ${row.path}`.padEnd(34),
    value.padEnd(15),
    ratio(row.ofDirect).padEnd(11),
    ratio(row.ofBlind).padEnd(10),
    ratio(row.ofSsh).padEnd(11),
    micros(row.cpuLocal).padEnd(11),
    micros(row.cpuRemote),
  ]
    .join("")
    .trimEnd();
}

/** The middle value; of an even number the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle)
    ? ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
    : (sorted[Math.floor(middle)] ?? Number.NaN);
}

function shown(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function ratio(value: number | undefined): string {
  return value === undefined ? "-" : value.toFixed(2);
}

function micros(value: number | undefined): string {
  return value === undefined ? "-" : `${value.toFixed(0)} µs`;
}
