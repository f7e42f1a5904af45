import { sha256 } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import { unpackChunk } from "../../core/journal/chunk.ts";
import { decodeFrames } from "../../core/journal/frame.ts";
import type { ControlClient } from "../control-client.ts";
import { adopt, dropSpool, leave, readSent, type Sent, type Spooled, setAside, writeSent } from "./folder.ts";
import { closeAbandoned, listParts, type Part, packedPart, removePart } from "./spool.ts";

/** Sends every whole part, in order; what is sent is removed from the laptop. Resolves with how far it came. */
export async function sendParts(
  { folder, track }: Spooled,
  control: Pick<ControlClient, "sendChunk">,
  signal?: AbortSignal,
): Promise<Sent> {
  let sent = await readSent(folder);
  for (const part of await listParts(folder)) {
    if (part.kind === "open") break;
    if (part.number >= sent.next) sent = await sendPart(folder, track.session, part, sent, control, signal);
    await removePart(folder, { ...part, kind: "chunk" });
  }
  return sent;
}

async function sendPart(
  folder: string,
  session: string,
  part: Part,
  before: Sent,
  control: Pick<ControlClient, "sendChunk">,
  signal: AbortSignal | undefined,
): Promise<Sent> {
  const packed = await packedPart(folder, part);
  const { events } = decodeFrames(await unpackChunk(packed), part.first);
  const input = { previous: before.previous, bytes: packed.toString("base64") };
  await control.sendChunk(session, part.number, input, signal);
  const sent: Sent = {
    next: part.number + 1,
    previous: sha256(packed),
    events: part.first + events.length,
    ended: events.at(-1)?.event.type === "end",
  };
  await writeSent(folder, sent);
  return sent;
}

export type Outcome =
  | { readonly kind: "uploaded"; readonly parts: number }
  /** Another process has it. */
  | { readonly kind: "busy" }
  /** The gateway will never take it; what there is was moved to `folder`. */
  | { readonly kind: "refused"; readonly error: IhcError; readonly folder: string };

/**
 * Ends and sends a recording whose own process is gone. Throws IhcError `unavailable`, `login-needed` and the like when it can
 * be tried again later.
 */
export async function uploadAbandoned(
  spooled: Spooled,
  control: Pick<ControlClient, "sendChunk">,
  clock: Clock,
  signal?: AbortSignal,
): Promise<Outcome> {
  if (!(await adopt(spooled))) return { kind: "busy" };
  try {
    await closeAbandoned(spooled.folder, clock, await readSent(spooled.folder));
    const { next } = await sendParts(spooled, control, signal);
    await dropSpool(spooled);
    return { kind: "uploaded", parts: next };
  } catch (error) {
    if (!(error instanceof IhcError) || !final.has(error.code)) throw error;
    return { kind: "refused", error, folder: await setAside(spooled) };
  } finally {
    await leave(spooled);
  }
}

/** Answers that no later try can change. */
const final: ReadonlySet<IhcError["code"]> = new Set([
  "conflict",
  "denied",
  "not-found",
  "invalid",
  "too-large",
]);
