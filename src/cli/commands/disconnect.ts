import { listRunning, type Running, stopRunning } from "../../agent/running.ts";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";
import type { Invocation } from "../options.ts";

export async function run(context: Context, typed: Invocation): Promise<undefined> {
  const { io } = context;
  const entries = chosen(await listRunning(context.paths), typed);
  for (const entry of entries) {
    await stopRunning(context.paths, entry);
    io.say(`${io.err.green("✓")} ${visible(entry.target)} disconnected (${entry.session})`);
  }
  if (context.json) io.json({ v: 1, items: entries });
  return undefined;
}

function chosen(all: readonly Running[], typed: Invocation): readonly Running[] {
  if (typed.flag("all")) return all;
  const name = typed.args[0];
  if (name === undefined && all.length > 1)
    throw new IhcError("usage", "more than one connection runs", {
      hint: "name the target, or --all; see ihc status",
    });
  const found =
    name === undefined ? all : all.filter((entry) => entry.target === name || entry.session.startsWith(name));
  if (found.length === 0)
    throw new IhcError(
      "not-found",
      name === undefined ? "nothing is connected" : `nothing is connected to ${visible(name)}`,
      {
        hint: "see ihc status",
      },
    );
  return found;
}
