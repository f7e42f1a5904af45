import { readFile } from "node:fs/promises";
import { IhcError } from "../../base/errors.ts";
import { type Evidence, parseEvidence, verifyEvidence } from "../../core/audit/evidence.ts";
import { unpackChunk } from "../../core/journal/chunk.ts";
import type { Recorded } from "../../core/journal/event.ts";
import { decodeFrames } from "../../core/journal/frame.ts";
import type { TrackName } from "./events.ts";

/**
 * The recording inside a bundle of evidence, which must hold first; `identityFile` holds an auditor's age identity where
 * recordings are encrypted. Throws IhcError `corrupt`, `denied`.
 */
export async function readBundle(
  file: string,
  key: string | undefined,
  identityFile: string | undefined,
  track: TrackName,
): Promise<{ readonly session: string; readonly events: readonly Recorded[] }> {
  const evidence = await readEvidence(file, key);
  const identities = identityFile === undefined ? [] : await readIdentities(identityFile);
  const events: Recorded[] = [];
  for (let number = 0; ; number += 1) {
    const chunk = evidence.files[`${track}/${number}`];
    if (chunk === undefined) break;
    const frames = await unpackChunk(Buffer.from(chunk, "base64"), identities);
    const { events: more, problem } = decodeFrames(frames, events.length);
    if (problem !== undefined)
      throw new IhcError("corrupt", `the recording is damaged at event ${problem.seq}`);
    events.push(...more);
  }
  return { session: evidence.session, events };
}

async function readEvidence(file: string, key: string | undefined): Promise<Evidence> {
  const bundle = parsed(await readFile(file, "utf8"));
  const evidence = parseEvidence(bundle);
  const [problem] = verifyEvidence(bundle, key);
  if (evidence !== undefined && problem === undefined) return evidence;
  throw new IhcError("corrupt", `the bundle does not hold: ${problem?.name} ${problem?.message}`, {
    hint: `see all that is wrong: ihc evidence verify ${file}`,
  });
}

/** Throws IhcError `invalid` for what is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new IhcError("invalid", "that file is not a bundle of evidence", {
      hint: "write one with ihc evidence <session>",
      cause,
    });
  }
}

/** One age identity a line, as age-keygen writes them. */
async function readIdentities(file: string): Promise<readonly string[]> {
  const lines = (await readFile(file, "utf8")).split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}
