import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Program {
  ended(): boolean;
  /** The end of what it has printed. */
  said(): string;
  stop(): Promise<void>;
}

/** Starts a server program that is stopped with SIGTERM, and with SIGKILL when that takes too long. */
export function startProgram(program: string, args: readonly string[], cwd: string): Program {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: "/usr/bin:/bin" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let ended = false;
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4000);
    });
  child.once("exit", () => {
    ended = true;
  });
  child.once("error", (error) => {
    ended = true;
    said += error.message;
  });
  return {
    ended: () => ended,
    said: () => said,
    stop: async () => {
      if (ended) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}
