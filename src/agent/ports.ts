import { createHash } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { IhcError } from "../base/errors.ts";
import { type AgentPaths, readPrivate, writePrivate } from "./paths.ts";

/** Below the range from which systems pick ports for outgoing connections, so that ours is rarely taken by chance. */
const first = 20_000;
const span = 10_000;

const fileFormat = z.record(z.string(), z.int().min(1).max(65_535));

/**
 * The port of one target of one gateway, the same every time: derived from the names, moved on when another target has it,
 * and remembered, so that a client's settings stay right.
 */
export async function portFor(paths: AgentPaths, gateway: URL, target: string): Promise<number> {
  const file = join(paths.state, "ports.json");
  const known = await read(file);
  const key = `${gateway.origin} ${target}`;
  const remembered = known[key];
  if (remembered !== undefined) return remembered;
  const taken = new Set(Object.values(known));
  let port = first + (createHash("sha256").update(key).digest().readUInt32BE(0) % span);
  for (let tried = 0; taken.has(port); tried += 1) {
    if (tried === span)
      throw new IhcError("storage", "no port is left to remember", { hint: `remove ${file}` });
    port = first + ((port - first + 1) % span);
  }
  await writePrivate(file, `${JSON.stringify({ ...known, [key]: port }, undefined, 2)}\n`);
  return port;
}

/** All ports remembered, by `<gateway> <target>`. */
export async function knownPorts(paths: AgentPaths): Promise<Readonly<Record<string, number>>> {
  return await read(join(paths.state, "ports.json"));
}

async function read(file: string): Promise<Readonly<Record<string, number>>> {
  const bytes = await readPrivate(file);
  if (bytes === undefined) return {};
  try {
    return fileFormat.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new IhcError("config", `cannot use ${file}`, { hint: "remove it; ports are derived again", cause });
  }
}

/** The name that local tools expect a unix socket to have; libpq builds it from the port. */
export function socketName(protocol: string, port: number): string {
  return protocol === "postgres" ? `.s.PGSQL.${port}` : "ihc.sock";
}
