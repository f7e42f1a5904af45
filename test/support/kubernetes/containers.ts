import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

/** A command that runs in a "container": a process of this machine, in a folder of the pod's own. */
export interface Running {
  readonly process: ChildProcessWithoutNullStreams;
  /** Resolves with the exit code; a signal counts as 128 and its number, as a shell has it. */
  readonly ended: Promise<number>;
  /** Columns and rows that the client has told, in order. */
  readonly sizes: { readonly width: number; readonly height: number }[];
}

/** Runs `command` in the pod's folder below `root`, on a terminal when `tty` is set. */
export function runInPod(root: string, pod: string, command: readonly string[], tty: boolean): Running {
  const folder = podFolder(root, pod);
  const [program = "", ...args] = tty ? onTerminal(command) : command;
  const child = spawn(program, args, {
    cwd: folder,
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: folder, TERM: "xterm", POD: pod, LC_ALL: "C.UTF-8" },
    detached: true,
  });
  const ended = new Promise<number>((resolve) => {
    child.once("error", () => resolve(127));
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGKILL" ? 137 : 143)));
  });
  child.stdin.on("error", () => child.stdin.destroy());
  return { process: child, ended, sizes: [] };
}

/** The pod's files; `namespace/name`. */
export function podFolder(root: string, pod: string): string {
  const folder = join(root, pod.replace("/", "_"));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Ends the command with everything it has started. */
export function endRunning({ process: child }: Running): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL");
  }
}

/** script(1) has a terminal to lend, and passes the exit code on. */
function onTerminal(command: readonly string[]): readonly string[] {
  const line = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  return ["script", "--quiet", "--return", "--echo", "never", "--command", line, "/dev/null"];
}
