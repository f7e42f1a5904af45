import { z } from "zod";
import type { ControlClient } from "../agent/control-client.ts";
import { IhcError } from "../base/errors.ts";
import { openCheckpoint } from "../core/audit/checkpoint.ts";
import { decodeTile, tilePath, tileWidth } from "../core/audit/tile.ts";
import type { LogExport } from "../core/audit/verify.ts";

const entriesPage = z.object({ size: z.int(), from: z.int(), leaves: z.array(z.string()) });

/** A log as `ihc audit export` writes it: everything that `ihc audit verify <file>` needs but the key to trust. */
export const exportFormat = z.strictObject({
  format: z.literal("ihc-audit-1"),
  verifier: z.string(),
  checkpoint: z.string(),
  leaves: z.array(z.string()),
  /** The leaves' hashes from the log's tiles, hexadecimal: they name an entry that was changed. */
  hashes: z.array(z.string()).optional(),
});

export async function fetchCheckpoint(control: ControlClient): Promise<string> {
  return (await control.get("v1/audit/checkpoint")).body.toString("utf8");
}

/** Every leaf that the checkpoint covers. Throws IhcError `denied` for who is no auditor. */
export async function fetchLog(
  control: ControlClient,
  checkpoint: string,
  key: string,
  told: (done: number, size: number) => void,
): Promise<LogExport> {
  const { size } = openCheckpoint(checkpoint, key);
  const leaves: string[] = [];
  while (leaves.length < size) {
    const response = await control.get(
      "v1/audit/entries",
      { from: leaves.length, to: size },
      64 * 1024 * 1024,
    );
    const page = entriesPage.parse(JSON.parse(response.body.toString("utf8")));
    if (page.from !== leaves.length || page.leaves.length === 0) break;
    leaves.push(...page.leaves);
    told(leaves.length, size);
  }
  return { leaves, checkpoint, hashes: await fetchHashes(control, size) };
}

/** The leaves' hashes as the tiles have them (https://c2sp.org/tlog-tiles): they name an entry that was changed. */
async function fetchHashes(control: ControlClient, size: number): Promise<readonly string[]> {
  const hashes: string[] = [];
  for (let from = 0; from < size; from += tileWidth) {
    const path = tilePath(0, from / tileWidth, Math.min(tileWidth, size - from));
    const { body } = await control.get(`v1/audit/${path}`);
    hashes.push(...decodeTile(body).map((hash) => hash.toString("hex")));
  }
  return hashes;
}

export function readExport(text: string): z.infer<typeof exportFormat> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new IhcError("invalid", "that file is not an export of an audit log", { cause });
  }
  const read = exportFormat.safeParse(value);
  if (!read.success)
    throw new IhcError("invalid", "that file is not an export of an audit log", {
      hint: "write one with ihc audit export",
    });
  return read.data;
}
