import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { freePort } from "../src/demo/gateway.ts";
import { endChild } from "../src/demo/part.ts";
import type { Endpoint } from "./client.ts";

/** One way to the database. */
export interface Path {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** The processes on the client's side and beside the database. */
  readonly near: readonly number[];
  readonly far: readonly number[];
}

export interface Paths {
  readonly direct: Path;
  readonly all: readonly Path[];
  stop(): Promise<void>;
}

export const names = { direct: "direct", tcp: "TCP relay", blind: "blind WebSocket relay", ssh: "ssh -L" };

/** Starts the yardsticks in front of a database. `folder` is the caller's and holds scratch keys. */
export async function startPaths(database: Endpoint, folder: string): Promise<Paths> {
  const started: ChildProcess[] = [];
  const removeFolder = privilegeFolder();
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((child) => endChild(child)));
    removeFolder();
  };
  const relay = async (mode: string, to: number): Promise<{ port: number; pid: number }> => {
    const file = fileURLToPath(new URL("relay.ts", import.meta.url));
    const child = spawn(process.execPath, [file, mode, String(to)], { stdio: ["pipe", "pipe", "inherit"] });
    started.push(child);
    const [line] = await once(createInterface(child.stdout), "line", { signal: AbortSignal.timeout(20_000) });
    return { port: Number(line), pid: child.pid ?? 0 };
  };
  try {
    const direct: Path = { name: names.direct, endpoint: database, near: [], far: [] };
    const tcp = await relay("tcp", database.port);
    const far = await relay("ws-far", database.port);
    const near = await relay("ws-near", far.port);
    const ssh = await startSsh(database, folder, started);
    const all: Path[] = [
      direct,
      { name: names.tcp, endpoint: { ...database, port: tcp.port }, near: [], far: [tcp.pid] },
      { name: names.blind, endpoint: { ...database, port: near.port }, near: [near.pid], far: [far.pid] },
      ...(ssh ? [ssh] : []),
    ];
    return { direct, all, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** As root, sshd wants an empty folder that the system's own start-up makes: made if it is not there, and removed again. */
function privilegeFolder(): () => void {
  const folder = "/run/sshd";
  if (process.getuid?.() !== 0 || found("sshd") === undefined || existsSync(folder)) return () => undefined;
  mkdirSync(folder, { mode: 0o755 });
  return () => rmdirSync(folder);
}

/** A scratch sshd on loopback that lets only a key of its own forward; undefined where OpenSSH is not installed. */
async function startSsh(
  database: Endpoint,
  folder: string,
  started: ChildProcess[],
): Promise<Path | undefined> {
  const [sshd, ssh] = [found("sshd"), found("ssh")];
  if (sshd === undefined || ssh === undefined) return undefined;
  const [port, local] = [await freePort(), await freePort()];
  const [hostKey, userKey] = [join(folder, "host-key"), join(folder, "user-key")];
  for (const key of [hostKey, userKey])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key]);
  const config = join(folder, "sshd_config");
  const settings = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${userKey}.pub`,
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "PermitRootLogin prohibit-password",
    `PidFile ${join(folder, "sshd.pid")}`,
    "MaxSessions 200",
  ];
  writeFileSync(config, `${settings.join("\n")}\n`);
  const server = spawn(sshd, ["-D", "-e", "-f", config], { stdio: ["ignore", "ignore", "pipe"] });
  started.push(server);
  await untilSays(server, /Server listening/);
  const client = spawn(
    ssh,
    ["-N", "-v", "-F", "none", "-i", userKey, "-p", String(port), "-L", `${local}:127.0.0.1:${database.port}`]
      .concat(["-o", "StrictHostKeyChecking=no", "-o", `UserKnownHostsFile=${join(folder, "known")}`])
      .concat(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "127.0.0.1"]),
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  started.push(client);
  await untilSays(client, /Entering interactive session|pledge: /);
  return {
    name: names.ssh,
    endpoint: { ...database, port: local },
    near: [client.pid ?? 0],
    far: childrenOf(server.pid ?? 0),
  };
}

/** Resolves when the line has come; what a child says later is read and forgotten, or it would block. */
async function untilSays(child: ChildProcess, pattern: RegExp): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-4000);
    if (pattern.test(said)) resolve();
  });
  child.once("exit", () => reject(new Error(`${child.spawnfile} ended: ${said}`)));
  const timer = setTimeout(() => reject(new Error(`${child.spawnfile} did not start: ${said}`)), 20_000);
  await promise.finally(() => clearTimeout(timer));
}

/** sshd forks for each connection, and once more to give up its rights. */
function childrenOf(pid: number): readonly number[] {
  const text = execFileSync("ps", ["-e", "-o", "pid=,ppid="], { encoding: "utf8" });
  const pairs = text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.flatMap(([own = 0, of]) => (of === parent ? [own, ...below(own)] : []));
  return below(pid);
}

/** sshd must be started by its whole path, and is often not on a person's PATH. */
export function found(program: string): string | undefined {
  const { PATH: searchPath = "" } = process.env;
  return [...searchPath.split(":"), "/usr/sbin", "/usr/local/sbin", ...(globs[program] ?? [])]
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

const globs: Readonly<Record<string, readonly string[]>> = {
  pgbench: [18, 17, 16, 15, 14].map((version) => `/usr/lib/postgresql/${version}/bin`),
};
