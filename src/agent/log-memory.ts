import { join } from "node:path";
import { z } from "zod";
import { IhcError } from "../base/errors.ts";
import type { Profile } from "./credentials.ts";
import { type AgentPaths, readPrivate, writePrivate } from "./paths.ts";

/**
 * What this machine has seen of one gateway's audit log: its key, pinned at the first login, and the last checkpoint that held.
 * That is what a rollback or a rewritten log is found by, and it must survive the gateway.
 */
export interface LogMemory {
  readonly key: string;
  /** A signed note (C2SP). */
  readonly checkpoint?: string | undefined;
}

const fileFormat = z.strictObject({
  gateway: z.string(),
  key: z.string(),
  checkpoint: z.string().optional(),
});

export async function rememberedLog(paths: AgentPaths, profile: Profile): Promise<LogMemory | undefined> {
  const file = fileOf(paths, profile);
  const bytes = await readPrivate(file);
  if (bytes === undefined) return undefined;
  try {
    return fileFormat.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new IhcError("corrupt", `cannot use ${file}, which remembers the audit log`, {
      hint: "restore it from a backup: without it a rollback of the log is not found",
      cause,
    });
  }
}

export async function rememberLog(paths: AgentPaths, profile: Profile, memory: LogMemory): Promise<void> {
  const content = { gateway: profile.gateway.origin, ...memory };
  await writePrivate(fileOf(paths, profile), `${JSON.stringify(content)}\n`);
}

/** Pins the key at the first sight; false when another one is pinned, which stays. */
export async function pinLogKey(paths: AgentPaths, profile: Profile, key: string): Promise<boolean> {
  const known = await rememberedLog(paths, profile);
  if (known === undefined) await rememberLog(paths, profile, { key });
  return known === undefined || known.key === key;
}

/** By gateway, not by profile name: two profiles for one gateway share what was seen. */
function fileOf(paths: AgentPaths, { gateway }: Profile): string {
  return join(paths.state, "logs", `${gateway.host.replaceAll(/[^a-z0-9.-]/g, "_")}.json`);
}
