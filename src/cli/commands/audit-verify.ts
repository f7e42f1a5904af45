import { readFile } from "node:fs/promises";
import { rememberedLog, rememberLog } from "../../agent/log-memory.ts";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import { openCheckpoint } from "../../core/audit/checkpoint.ts";
import { type LogVerdict, verifyLog } from "../../core/audit/verify.ts";
import { fetchCheckpoint, fetchLog, readExport } from "../audit-log.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<number | undefined> {
  const file = typed.args[0];
  if (typed.text("config") !== undefined) return await verifyHost(context, typed);
  const [verdict, trusted] =
    file === undefined ? await verifyRemote(context, typed) : await verifyFile(file, typed);
  const ok = verdict.problems.length === 0;
  if (context.json)
    context.io.json({ v: 1, ok, size: verdict.size, problems: verdict.problems, key_known: trusted });
  const { io } = context;
  for (const problem of verdict.problems) io.say(`${io.err.red("✗")} ${visible(problem.message)}`);
  if (!ok)
    throw new IhcError("corrupt", "the audit log does not hold", {
      hint: "keep a copy, and tell whoever runs the gateway",
    });
  io.say(`${io.err.green("✓")} ${verdict.size} entries hold, in order and signed`);
  if (!trusted)
    io.say(`${io.err.yellow("!")} the key came from the file itself: add --key to know whose log it is`);
  return undefined;
}

/** On the gateway's host: the log, every row that it vouches for, and every recording's file. */
async function verifyHost(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const [{ withHostStore }, { verifyStore }] = await Promise.all([
    import("../host-store.ts"),
    import("../../storage/verify.ts"),
  ]);
  const verdict = await withHostStore(typed, ({ store, journals, verifier, seen }) =>
    verifyStore(store, journals, typed.text("key") ?? verifier, seen),
  );
  const ok = verdict.problems.length === 0;
  if (context.json) io.json({ v: 1, ok, ...verdict });
  for (const { message } of verdict.problems) io.say(`${io.err.red("✗")} ${visible(message)}`);
  if (!ok)
    throw new IhcError("corrupt", "what the gateway keeps does not hold", {
      hint: "keep a copy before anything else",
    });
  io.say(
    `${io.err.green("✓")} ${verdict.entries} entries, ${verdict.rows} rows and ${verdict.chunks} chunks of recordings hold`,
  );
  return undefined;
}

async function verifyFile(file: string, typed: Invocation): Promise<readonly [LogVerdict, boolean]> {
  const log = readExport(await readFile(file, "utf8"));
  const key = typed.text("key");
  const { leaves, checkpoint, hashes } = log;
  const whole = { leaves, checkpoint, ...(hashes === undefined ? {} : { hashes }) };
  return [verifyLog(whole, key ?? log.verifier), key !== undefined];
}

/** Against what this machine has seen before, so that a log that was cut or replaced is found. */
async function verifyRemote(context: Context, typed: Invocation): Promise<readonly [LogVerdict, boolean]> {
  const control = await context.control();
  const memory = await rememberedLog(context.paths, control.profile);
  const key = typed.text("key") ?? memory?.key ?? (await control.discovery()).discovery.log_key;
  const checkpoint = await fetchCheckpoint(control);
  const seen = memory?.checkpoint === undefined ? [] : [memory.checkpoint];
  refuseRollback(checkpoint, seen, key);
  const progress = context.io.progress("  reading the log");
  try {
    const log = await fetchLog(control, checkpoint, key, (done, size) =>
      progress.update(`  reading the log: ${done} of ${size}`),
    );
    const verdict = verifyLog(log, key, seen);
    if (verdict.problems.length === 0) await rememberLog(context.paths, control.profile, { key, checkpoint });
    return [verdict, true];
  } finally {
    progress.stop();
  }
}

/** Known before a single entry is read, also to people who may not read entries. */
function refuseRollback(checkpoint: string, seen: readonly string[], key: string): void {
  const head = openCheckpoint(checkpoint, key);
  for (const note of seen) {
    const before = openCheckpoint(note, key);
    if (before.size > head.size)
      throw new IhcError(
        "corrupt",
        `the log had ${before.size} entries when this machine last saw it and now has ${head.size}`,
        {
          hint: "entries were removed or an old copy was restored: tell whoever runs the gateway",
        },
      );
  }
}
