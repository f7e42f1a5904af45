import { idleTunnels } from "./idle.ts";
import { connectsInARow, pointSelects, stream, thousandRows } from "./loads.ts";
import { benchKubernetes } from "./kubernetes.ts";
import { benchKubernetesMasking } from "./kubernetes-masking.ts";
import { benchMasking } from "./masking.ts";
import { alternate } from "./measure.ts";
import type { BenchOptions, PartName } from "./options.ts";
import { type Paths, startPaths } from "./paths.ts";
import { pgbench } from "./pgbench.ts";
import type { Tell } from "./report.ts";
import { type Stage, startStage, targetNames } from "./stage.ts";
import { coldStart } from "./start.ts";

/** Runs the parts that are asked for and tells each row as it is known. Whatever it starts is stopped. */
export async function runBench(options: BenchOptions, tell: Tell): Promise<void> {
  const { only, rounds } = options;
  if (only.has("start")) coldStart(Math.max(rounds, options.rounds * 2), tell);
  if (only.has("masking")) {
    for (const { name, microsPerMb } of benchMasking(options.seconds * 500))
      tell({ part: "masking", name: "CPU per MB of rows", path: name, value: microsPerMb, unit: "µs" });
    for (const { name, microsPerMb } of benchKubernetesMasking(10))
      tell({ part: "masking", name: "CPU per MB of objects", path: name, value: microsPerMb, unit: "µs" });
  }
  if (only.has("kubernetes")) await benchKubernetes(rounds, options.seconds, tell);
  if (![...only].some((part) => !alone.has(part))) return;
  const stage = await startStage();
  try {
    const paths = await startPaths(stage.database, stage.folder);
    try {
      await throughPaths(options, stage, paths, tell);
    } finally {
      await paths.stop();
    }
  } finally {
    await stage.stop();
  }
}

/** Parts that need no database. */
const alone: ReadonlySet<PartName> = new Set(["start", "masking", "kubernetes"]);

async function throughPaths(options: BenchOptions, stage: Stage, paths: Paths, tell: Tell): Promise<void> {
  const { only, rounds, seconds } = options;
  const everything = [...paths.all, stage.ihc.full];
  if (only.has("points"))
    for (const clients of options.clients)
      for (const mode of ["prepared", "simple"] as const)
        await alternate(
          everything,
          rounds,
          { part: "points", name: `point selects, ${mode}, ${counted(clients)}`, unit: "/s" },
          ({ endpoint }) => pointSelects(endpoint, mode, clients, seconds),
          tell,
        );
  const real = only.has("pgbench") ? pgbench(stage.folder, 8, seconds) : undefined;
  if (real)
    await alternate(
      everything,
      rounds,
      { part: "pgbench", name: "pgbench -M prepared -c 8", unit: "/s" },
      ({ endpoint }) => real(endpoint),
      tell,
    );
  if (only.has("streams"))
    await alternate(
      [...paths.all, ...targetNames.map((name) => stage.ihc[name])],
      rounds,
      { part: "streams", name: `a result of ${options.megabytes} MB`, unit: "MB/s" },
      ({ endpoint }) => stream(endpoint, options.megabytes),
      tell,
    );
  if (only.has("rows"))
    await alternate(
      everything,
      rounds,
      { part: "rows", name: "1,000 rows of 4 columns, two masked (less is better)", unit: "ms" },
      ({ endpoint }) => thousandRows(endpoint, seconds),
      tell,
    );
  if (only.has("connects"))
    await alternate(
      everything,
      rounds,
      { part: "connects", name: "connect, log in, one row (less is better)", unit: "ms" },
      ({ endpoint }) => connectsInARow(endpoint, seconds),
      tell,
    );
  if (only.has("idle")) await idleTunnels(stage.ihc.plain, options.tunnels, tell);
}

function counted(clients: number): string {
  return clients === 1 ? "1 client" : `${clients} clients`;
}
