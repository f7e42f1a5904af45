import { writeFile } from "node:fs/promises";
import { rememberedLog } from "../../agent/log-memory.ts";
import { IhcError } from "../../base/errors.ts";
import { type Evidence, parseEvidence, verifyEvidence } from "../../core/audit/evidence.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

const most = 1024 * 1024 * 1024;

/** Everything that shows what one session did and who let it: from the gateway, or on its host with --config. */
export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const [evidence, key] =
    typed.text("config") === undefined ? await fetched(context, typed) : await fromHost(typed);
  const { session } = evidence;
  const file = typed.args[1] ?? `${session}.evidence.json`;
  await writeFile(file, `${JSON.stringify(evidence)}\n`, { flag: "wx", mode: 0o600 }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause;
      const hint = `name another file: ihc evidence ${session} <file>`;
      throw new IhcError("conflict", `${file} is there already`, { hint, cause });
    },
  );
  const counts = `${evidence.entries.length} entries, ${evidence.rows.length} rows, ${Object.keys(evidence.files).length} chunks`;
  if (context.json) io.json({ v: 1, session, file, entries: evidence.entries.length, verifier: key });
  io.say(`${io.err.green("✓")} ${file}: ${counts}`);
  io.say(`  check it anywhere: ihc evidence verify ${file} --key ${key}`);
  io.say(`  look at it:        ihc replay --file ${file}`);
  return undefined;
}

/** What the gateway sends must hold under the log's key as this machine knows it, or it is not written as evidence. */
async function fetched(context: Context, typed: Invocation): Promise<readonly [Evidence, string]> {
  const control = await context.control();
  const { id, state } = await control.session(typed.argument(0));
  if (state === "open")
    context.io.say(
      `${context.io.err.yellow("!")} ${id} is still open: the bundle ends where its last sealed part does`,
    );
  const memory = await rememberedLog(context.paths, control.profile);
  const key = memory?.key ?? (await control.discovery()).discovery.log_key;
  const progress = context.io.progress(`  gathering the evidence of ${id}`);
  try {
    const response = await control.get(`v1/sessions/${id}/evidence`, {}, most);
    const bundle: unknown = JSON.parse(response.body.toString("utf8"));
    const evidence = parseEvidence(bundle);
    const [problem] = verifyEvidence(bundle, key);
    if (evidence === undefined || problem !== undefined)
      throw new IhcError(
        "corrupt",
        `the gateway's evidence does not hold: ${problem?.message ?? "it is none"}`,
        {
          hint: "look at the log itself: ihc audit verify",
        },
      );
    return [evidence, key];
  } finally {
    progress.stop();
  }
}

async function fromHost(typed: Invocation): Promise<readonly [Evidence, string]> {
  const [{ withHostStore }, { buildEvidence }, { findSession }] = await Promise.all([
    import("../host-store.ts"),
    import("../../storage/evidence.ts"),
    import("../host-session.ts"),
  ]);
  return await withHostStore(typed, async ({ store, journals, verifier }) => {
    const session = await findSession(store, typed.argument(0));
    return [await buildEvidence(store, journals, verifier, session), verifier] as const;
  });
}
