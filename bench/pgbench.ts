import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Endpoint } from "./client.ts";
import type { Sample } from "./measure.ts";
import { found } from "./paths.ts";
import { accounts } from "./stage.ts";

const run = promisify(execFile);

/** The real pgbench, its own select-only script; undefined where it is not installed. */
export function pgbench(folder: string, clients: number, seconds: number) {
  const program = found("pgbench");
  if (program === undefined) return undefined;
  const script = join(folder, "select.sql");
  writeFileSync(
    script,
    `\\set aid random(1, ${accounts})\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n`,
  );
  const args = ["-n", "-M", "prepared", "-c", String(clients), "-j", "1", "-f", script];
  return async ({ port, user, database, password }: Endpoint): Promise<Sample> => {
    const whole = Math.max(1, Math.round(seconds));
    const { stdout } = await run(program, [...args, "-T", String(whole), "-h", "127.0.0.1", database], {
      env: { PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGSSLMODE: "disable" },
    });
    const [, tps = "0"] = /tps = ([\d.]+) \(without/.exec(stdout) ?? [];
    const [, queries = "0"] = /actually processed: (\d+)/.exec(stdout) ?? [];
    return { value: Number(tps), work: Number(queries) };
  };
}
