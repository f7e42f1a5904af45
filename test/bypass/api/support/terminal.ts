import { spawn } from "node:child_process";
import { once } from "node:events";
import { stripVTControlCharacters } from "node:util";

/** A command on a real pseudo-terminal, as a person at a keyboard has it. */
export interface Terminal {
  /** What the screen was sent, without what steers it. */
  screen(): string;
  raw(): string;
  type(text: string): void;
  /** Resolves once the screen shows it; throws after half a minute. */
  shows(pattern: RegExp): Promise<void>;
  ended(): Promise<number>;
}

/** `script` (util-linux) owns the terminal; the command's exit code becomes its own. */
export function onTerminal(command: readonly string[], env: Readonly<Record<string, string>>): Terminal {
  const line = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const child = spawn("script", ["-qefc", line, "/dev/null"], {
    env: { ...env, TERM: "xterm", SHELL: "/bin/sh" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    for (const listener of listeners) listener();
  });
  const screen = (): string => stripVTControlCharacters(output);
  const exit = once(child, "exit", { signal: AbortSignal.timeout(60_000) });
  exit.catch(() => child.kill("SIGKILL"));
  return {
    screen,
    raw: () => output,
    type: (text) => void child.stdin.write(text),
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const over = (settle: () => void): void => {
          clearTimeout(deadline);
          listeners.delete(look);
          settle();
        };
        const look = (): void => {
          if (pattern.test(screen())) over(resolve);
        };
        const deadline = setTimeout(
          () => over(() => reject(new Error(`no ${pattern} on: ${screen()}`))),
          30_000,
        );
        listeners.add(look);
        look();
      }),
    ended: async () => {
      const [code] = await exit;
      return Number(code);
    },
  };
}
