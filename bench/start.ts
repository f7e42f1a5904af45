import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median, type Tell } from "./report.ts";

/** Cold start of `ihc --version` beside an empty script, alternating; wall-clock milliseconds. */
export function coldStart(rounds: number, tell: Tell): void {
  const folder = mkdtempSync("/tmp/ihc-bench-start-");
  try {
    const empty = join(folder, "empty.mjs");
    writeFileSync(empty, "");
    const env = { ...process.env, NODE_COMPILE_CACHE: join(folder, "cache") };
    const scripts = [
      { path: "empty script", args: [empty] },
      { path: "ihc --version, checkout", args: [fileURLToPath(new URL("../bin/ihc.js", import.meta.url)), "--version"] },
      ...built(folder).map((main) => ({ path: "ihc --version, built", args: [main, "--version"] })),
    ];
    const times = scripts.map(() => [] as number[]);
    for (let round = -1; round < rounds; round++)
      for (const [i, { args }] of scripts.entries()) {
        const started = performance.now();
        execFileSync(process.execPath, args, { env, stdio: "ignore" });
        if (round >= 0) times[i]?.push(performance.now() - started);
      }
    const [first = []] = times;
    for (const [i, { path }] of scripts.entries()) {
      const own = times[i] ?? [];
      const ratio = median(own.map((time, round) => time / (first[round] ?? Number.NaN)));
      const row = { part: "start", name: "cold start, of an empty script", path, value: median(own), unit: "ms" };
      tell(i === 0 ? row : { ...row, ofDirect: ratio });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What `npm run build` has left, laid out as the package has it: without sources beside it. */
function built(folder: string): readonly string[] {
  const dist = fileURLToPath(new URL("../dist", import.meta.url));
  if (!existsSync(join(dist, "cli", "main.js"))) return [];
  const home = join(folder, "package");
  mkdirSync(home);
  cpSync(fileURLToPath(new URL("../bin", import.meta.url)), join(home, "bin"), { recursive: true });
  cpSync(fileURLToPath(new URL("../package.json", import.meta.url)), join(home, "package.json"));
  symlinkSync(dist, join(home, "dist"));
  return [join(home, "bin", "ihc.js")];
}
