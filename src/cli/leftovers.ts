import { isWritten, listSpooled } from "../agent/track/folder.ts";
import { uploadAbandoned } from "../agent/track/upload.ts";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import type { Context } from "./context.ts";

/**
 * Sends leftovers beside another command, without a word and without holding it up: what cannot be sent now stays for the next
 * one, and `ihc upload` says why.
 */
export async function uploadLeftovers(context: Context): Promise<void> {
  try {
    const left = (await listSpooled(context.paths)).filter((one) => !isWritten(one));
    if (left.length === 0) return;
    const control = await context.control();
    for (const one of left)
      if (one.track.gateway === control.profile.gateway.origin)
        await uploadAbandoned(
          one,
          control,
          context.clock,
          AbortSignal.any([context.signal, AbortSignal.timeout(patience)]),
        );
  } catch (error) {
    if (!(error instanceof IhcError)) throw error;
    if (context.verbose) context.io.say(`  recordings wait to be uploaded: ${visible(error.message)}`);
  }
}

const patience = 5000;
