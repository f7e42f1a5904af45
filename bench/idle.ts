import { setTimeout as sleep } from "node:timers/promises";
import { type BenchClient, connectClient } from "./client.ts";
import type { Path } from "./paths.ts";
import { usageOf } from "./process.ts";
import type { Tell } from "./report.ts";

const atOnce = 20;

/** What `count` logged-in connections that say nothing cost both processes in memory. */
export async function idleTunnels(path: Path, count: number, tell: Tell): Promise<void> {
  const row = { part: "idle", name: `memory of ${count} idle connections`, unit: "MiB" };
  const pids = [...path.near, ...path.far];
  const before = pids.map((pid) => usageOf(pid).memory);
  const clients: BenchClient[] = [];
  try {
    while (clients.length < count)
      clients.push(
        ...(await Promise.all(
          Array.from({ length: Math.min(atOnce, count - clients.length) }, () => connectClient(path.endpoint)),
        )),
      );
    await sleep(1500);
    const after = pids.map((pid) => usageOf(pid).memory);
    for (const [i, who] of ["local agent", "gateway"].entries()) {
      const [then = 0, now = 0] = [before[i], after[i]];
      tell({ ...row, path: `${who}, more than before`, value: (now - then) / 2 ** 20 });
      tell({ ...row, path: `${who}, whole process`, value: now / 2 ** 20 });
    }
  } finally {
    for (const client of clients) client.close();
  }
}
