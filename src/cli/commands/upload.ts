import { isWritten, listSpooled, type Spooled } from "../../agent/track/folder.ts";
import { uploadAbandoned } from "../../agent/track/upload.ts";
import { visible } from "../../base/text.ts";
import type { Context } from "../context.ts";

/** Sends what earlier commands could not: one line for each recording. Exit code 1 when some of it stays here. */
export async function run(context: Context): Promise<number> {
  const { io, paths, clock, signal, json } = context;
  const control = await context.control();
  const { origin } = control.profile.gateway;
  const spooled = await listSpooled(paths);
  const mine = spooled.filter(({ track }) => track.gateway === origin);
  let left = spooled.length - mine.length;
  const tell = ({ track }: Spooled, state: string, text: string, more: object = {}): void => {
    if (json) io.json({ v: 1, session: track.session, target: track.target, state, ...more });
    else io.print(`${track.session}  ${visible(track.target)}  ${text}`);
  };
  for (const one of mine) {
    if (isWritten(one)) {
      tell(one, "recording", "is still being recorded; its own command uploads it");
      continue;
    }
    const outcome = await uploadAbandoned(one, control, clock, signal);
    if (outcome.kind === "uploaded") tell(one, "uploaded", "uploaded", { parts: outcome.parts });
    else if (outcome.kind === "busy") tell(one, "busy", "is being uploaded by another ihc");
    else {
      left += 1;
      const { error, folder } = outcome;
      tell(one, "refused", `the gateway does not take it: ${visible(error.message)}; it lies in ${folder}`, {
        reason: error.message,
        folder,
      });
    }
  }
  if (spooled.length === 0 && !json) io.say("  nothing waits to be uploaded");
  const others = new Set(
    spooled.map(({ track }) => track.profile).filter((name) => name !== control.profile.name),
  );
  if (mine.length < spooled.length)
    io.say(`  more belongs to other gateways: ihc upload --profile ${[...others].map(visible).join(" or ")}`);
  return left > 0 ? 1 : 0;
}
