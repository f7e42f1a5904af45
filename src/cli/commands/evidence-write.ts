import { writeFile } from "node:fs/promises";
import { IhcError } from "../../base/errors.ts";
import { isIdPrefix, parseId, type SessionId } from "../../base/ids.ts";
import { buildEvidence } from "../../storage/evidence.ts";
import type { OpenStore } from "../../storage/open.ts";
import type { Context } from "../context.ts";
import { withHostStore } from "../host-store.ts";
import type { Invocation } from "../options.ts";

/** On the gateway's host: gathers all that shows what one session did and who let it. */
export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  await withHostStore(typed, async ({ store, journals, verifier }) => {
    const session = await sessionOf(store, typed.argument(0));
    const evidence = await buildEvidence(store, journals, verifier, session);
    const file = typed.args[1] ?? `${session}.evidence.json`;
    await writeFile(file, `${JSON.stringify(evidence)}\n`, { flag: "wx", mode: 0o600 }).catch(
      (cause: NodeJS.ErrnoException) => {
        throw cause.code === "EEXIST" ? new IhcError("conflict", `${file} exists already`, { cause }) : cause;
      },
    );
    if (context.json) io.json({ v: 1, session, file, entries: evidence.entries.length, verifier });
    io.say(
      `${io.err.green("✓")} ${file}: ${evidence.entries.length} entries, ${evidence.rows.length} rows, ${Object.keys(evidence.files).length} chunks`,
    );
    io.say(`  check it anywhere: ihc evidence verify ${file} --key ${verifier}`);
  });
  return undefined;
}

async function sessionOf(store: OpenStore, text: string): Promise<SessionId> {
  const id = parseId("ses", text);
  if (id !== undefined) return id;
  const found = isIdPrefix("ses", text) ? await store.sessions.list({ prefix: text, limit: 2 }) : [];
  const [only] = found;
  if (only === undefined) throw new IhcError("not-found", "no such session", { hint: "see ihc sessions" });
  if (found.length > 1)
    throw new IhcError("conflict", "several sessions begin like that", { hint: "give more of the id" });
  return only.id;
}
