import { cpuOf } from "./process.ts";
import { names, type Path } from "./paths.ts";
import { median, type Tell } from "./report.ts";

/** One measurement: how much was done, in which time, and whether more or less is better. */
export interface Sample {
  readonly value: number;
  /** Queries or MB, by which CPU is divided. */
  readonly work: number;
}

interface Measured {
  readonly value: number;
  readonly near: number;
  readonly far: number;
}

/**
 * Measures every path once a round, one after the other, so that what else the machine does meets all of them; tells the
 * medians, and the medians of the ratios within each round.
 */
export async function alternate(
  paths: readonly Path[],
  rounds: number,
  row: { readonly part: string; readonly name: string; readonly unit: string },
  measure: (path: Path) => Promise<Sample>,
  tell: Tell,
): Promise<void> {
  const samples = new Map<string, Measured[]>(paths.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const path of paths) samples.get(path.name)?.push(await measured(path, measure));
  for (const { name, near, far } of paths) {
    const own = samples.get(name) ?? [];
    const against = (other: string): number | undefined => {
      const theirs = samples.get(other);
      if (name === other || !theirs) return undefined;
      return median(own.map(({ value }, i) => value / (theirs[i]?.value ?? Number.NaN)));
    };
    const ratios = { ofDirect: against(names.direct), ofBlind: against(names.blind), ofSsh: against(names.ssh) };
    tell({
      ...row,
      path: name,
      value: median(own.map(({ value }) => value)),
      ...(ratios.ofDirect === undefined ? {} : { ofDirect: ratios.ofDirect }),
      ...(ratios.ofBlind === undefined ? {} : { ofBlind: ratios.ofBlind }),
      ...(ratios.ofSsh === undefined ? {} : { ofSsh: ratios.ofSsh }),
      ...(near.length === 0 ? {} : { cpuLocal: median(own.map((sample) => sample.near)) }),
      ...(far.length === 0 ? {} : { cpuRemote: median(own.map((sample) => sample.far)) }),
    });
  }
}

async function measured(path: Path, measure: (path: Path) => Promise<Sample>): Promise<Measured> {
  const [near, far] = [cpuOf(path.near), cpuOf(path.far)];
  const { value, work } = await measure(path);
  return { value, near: (cpuOf(path.near) - near) / work, far: (cpuOf(path.far) - far) / work };
}
