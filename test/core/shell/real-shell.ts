import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What a real shell did with a text. */
export interface Ran {
  /** Programs that were started, by name; what is real here (shells, find, xargs, …) is not among them. */
  readonly programs: readonly string[];
  /** Files that stand in its folder afterwards. */
  readonly files: readonly string[];
}

export interface RealShell {
  run(shell: "bash" | "dash", text: string): Ran;
  stop(): void;
}

/** Programs that start others by their own rules are the real ones; all others only say that they were started. */
const real = [
  "bash",
  "dash",
  "sh",
  "env",
  "xargs",
  "find",
  "timeout",
  "nice",
  "nohup",
  "stdbuf",
  "sed",
  "awk",
  "mawk",
];
const stubs =
  "pwn rm touch w ls cat ps df uptime id grep head tail sort date wc cut tr hostname sleep tee echo printf test seq kill time curl";

/** Runs texts in an empty folder, with a PATH on which nothing does harm. */
export function startRealShell(): RealShell {
  const root = mkdtempSync(join(tmpdir(), "ihc-shell-"));
  const [bin, folder, log] = [join(root, "bin"), join(root, "work"), join(root, "log")];
  mkdirSync(bin);
  for (const name of real) {
    const found = ["/usr/bin", "/bin"].map((where) => join(where, name)).find(isThere);
    if (found !== undefined) symlinkSync(found, join(bin, name));
  }
  const stub = join(root, "stub");
  // It prints a name, so that what is made of its output may run it.
  writeFileSync(stub, `#!/bin/dash\nprintf '%s\\n' "\${0##*/}" >> ${log}\nprintf '%s\\n' pwn\n`);
  chmodSync(stub, 0o755);
  for (const name of stubs.split(" ")) symlinkSync(stub, join(bin, name));
  return {
    run: (shell, text) => {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder);
      writeFileSync(log, "");
      spawnSync(join(bin, shell), ["-c", text], {
        cwd: folder,
        env: { PATH: bin, HOME: folder },
        input: "pwn\n",
        timeout: 2000,
        killSignal: "SIGKILL",
      });
      const programs = readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line !== "");
      return { programs: [...new Set(programs)], files: readdirSync(folder) };
    },
    stop: () => rmSync(root, { recursive: true, force: true }),
  };
}

function isThere(path: string): boolean {
  try {
    readFileSync(path, { flag: "r" });
    return true;
  } catch {
    return false;
  }
}
