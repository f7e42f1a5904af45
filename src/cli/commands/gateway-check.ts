import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { Config } from "../../gateway/config.ts";
import type { Finding } from "../../protocols/protocol.ts";
import type { Context } from "../context.ts";
import { type Mistake, readFiles, withUpstream } from "../operator.ts";
import type { Invocation } from "../options.ts";

interface Looked {
  readonly target: string;
  readonly findings: readonly Finding[];
}

/** Validates the files, then connects to each target and says what its role could do behind the gateway's back. */
export async function run(context: Context, typed: Invocation): Promise<number | undefined> {
  const { io } = context;
  const { config, policy, mistakes } = await readFiles(typed);
  const looked =
    config === undefined || mistakes.length > 0 || typed.flag("offline") ? [] : await lookAll(config);
  const critical = looked
    .flatMap(({ findings }) => findings)
    .filter(({ severity }) => severity === "critical");
  const ok = mistakes.length === 0 && critical.length === 0;
  if (context.json) io.json({ v: 1, ok, policy: policy?.version, mistakes, targets: looked });
  else {
    for (const mistake of mistakes) printMistake(context, mistake);
    if (mistakes.length === 0)
      io.print(
        `${io.out.green("✓")} configuration and policy are valid (policy ${policy?.version.slice(0, 19)}…)`,
      );
    for (const one of looked) printTarget(context, one);
  }
  return ok ? undefined : 1;
}

async function lookAll(config: Config): Promise<readonly Looked[]> {
  const looked: Looked[] = [];
  for (const configured of config.targets) {
    const { masking, target } = configured;
    const findings = await withUpstream(config, configured, (protocol, upstream) =>
      protocol.check(upstream, masking),
    ).catch(unreachable);
    looked.push({ target: target.name, findings });
  }
  return looked;
}

function unreachable(error: unknown): readonly Finding[] {
  if (!(error instanceof IhcError)) throw error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return [{ severity: "critical", rule: "not-reachable", message: error.message, ...hint }];
}

function printMistake({ io }: Context, { file, line, message, hint }: Mistake): void {
  io.print(`${io.out.red("✗")} ${visible(file)}:${line}: ${visible(message)}`);
  io.print(`  ${io.out.yellow("hint:")} ${visible(hint)}`);
}

function printTarget({ io }: Context, { target, findings }: Looked): void {
  const serious = findings.filter(({ severity }) => severity !== "info");
  const mark = serious.length === 0 ? io.out.green("✓") : io.out.yellow("!");
  const gaps = serious.some(({ rule }) => rule !== "not-reachable");
  const next = gaps ? `   close the gaps: ihc targets harden ${target}` : "";
  io.print(`${mark} ${target}${serious.length === 0 ? ": its role can do no more than it should" : next}`);
  for (const { severity, rule, message, hint } of findings) {
    const word =
      severity === "critical"
        ? io.out.red(severity)
        : severity === "warning"
          ? io.out.yellow(severity)
          : severity;
    io.print(`  ${word} ${rule}: ${visible(message)}`);
    if (hint !== undefined) io.print(`    ${io.out.yellow("hint:")} ${visible(hint)}`);
  }
}
