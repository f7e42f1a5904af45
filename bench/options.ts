import { parseArgs } from "node:util";

/** The parts of a run, in their order. */
export const parts = ["points", "pgbench", "streams", "rows", "connects", "idle", "start", "masking", "kubernetes"] as const;

export type PartName = (typeof parts)[number];

export interface BenchOptions {
  readonly only: ReadonlySet<PartName>;
  /** Of one measurement of one path; every path is measured once a round. */
  readonly seconds: number;
  readonly rounds: number;
  readonly json: boolean;
  readonly clients: readonly number[];
  /** Of the streamed result, MB. */
  readonly megabytes: number;
  readonly tunnels: number;
}

export const usage = `usage: npm run bench -- [--quick] [--only <part>[,<part>]] [--clients <n>,<n>] [--seconds <n>] [--rounds <n>] [--json]
  parts: ${parts.join(", ")}
`;

/** Reads the command line. Throws TypeError on what it does not know. */
export function parseOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      clients: { type: "string" },
      seconds: { type: "string" },
      rounds: { type: "string" },
    },
  });
  const only = values.only.flatMap((list) => list.split(",")).map(partName);
  return {
    only: new Set(only.length === 0 ? parts : only),
    seconds: positive(values.seconds ?? (values.quick ? "0.3" : "2"), "--seconds"),
    rounds: Math.ceil(positive(values.rounds ?? (values.quick ? "1" : "5"), "--rounds")),
    json: values.json,
    clients: (values.clients ?? (values.quick ? "8" : "1,8,64"))
      .split(",")
      .map((text) => Math.ceil(positive(text, "--clients"))),
    megabytes: values.quick ? 4 : 100,
    tunnels: values.quick ? 20 : 1000,
  };
}

function partName(text: string): PartName {
  const known = parts.find((part) => part === text);
  if (known === undefined) throw new TypeError(`there is no part ${text}`);
  return known;
}

function positive(text: string, what: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new TypeError(`${what} wants a number above 0`);
  return value;
}
