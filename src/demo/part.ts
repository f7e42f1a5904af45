import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Something the demo has started and must stop. */
export interface Part {
  readonly name: string;
  /** When it ends before it is stopped, the demo is over. */
  readonly process?: ChildProcess;
  stop(): Promise<void>;
}

/** Asks a child to end and insists after ten seconds. Resolves when it is gone. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  const insist = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(insist);
}
