import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** Of one process, since its start. */
export interface Usage {
  /** Microseconds of CPU, user and system, all threads; steps of 10 ms. */
  readonly cpu: number;
  /** Resident memory, bytes. */
  readonly memory: number;
}

const ticksPerSecond = 100;

/** Reads what a process has used so far; by /proc where there is one, else by ps (whole seconds of CPU). */
export function usageOf(pid: number): Usage {
  if (process.platform !== "linux") return usageByPs(pid);
  const fields = (readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1) ?? "").split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const [, kilobytes = "0"] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return { cpu: (ticks * 1e6) / ticksPerSecond, memory: Number(kilobytes) * 1024 };
}

function usageByPs(pid: number): Usage {
  const [time = "0", kilobytes = "0"] = execFileSync("ps", ["-o", "time=,rss=", "-p", String(pid)], {
    encoding: "utf8",
  })
    .trim()
    .split(/\s+/);
  const seconds = time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
  return { cpu: seconds * 1e6, memory: Number(kilobytes) * 1024 };
}

/** CPU microseconds that the processes have used together. */
export function cpuOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + usageOf(pid).cpu, 0);
}
