import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { IhcError } from "../base/errors.ts";
import { borrowedUser, findBinaries, type Owner, readableBinaries } from "./binaries.ts";
import { endChild, type Part } from "./part.ts";

const run = promisify(execFile);

/** A PostgreSQL of the demo's own, on a loopback port, asking for SCRAM passwords. */
export interface Postgres extends Part {
  readonly port: number;
  /** Of the superuser `postgres`. */
  readonly password: string;
}

/** Makes a cluster under `home`, a folder that exists and is removed by the caller, and starts it. */
export async function startPostgres(home: string, searchPath: string): Promise<Postgres> {
  const folder = join(home, "postgres");
  mkdirSync(folder, { mode: 0o700 });
  const owner = borrowedUser();
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  const bin = readableBinaries(findBinaries(searchPath), folder, owner);
  const identity = { ...owner, cwd: folder, env: { PATH: searchPath, HOME: folder, LC_ALL: "C", TZ: "UTC" } };
  const password = randomBytes(16).toString("hex");
  await initialise(bin, folder, password, owner, identity);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const server = spawn(join(bin, "postgres"), settings(folder, port), {
      ...identity,
      stdio: ["ignore", "ignore", "pipe"],
      // Ctrl-C goes to the whole group of the terminal; PostgreSQL is stopped by us, after the gateway.
      detached: true,
    });
    const problem = await readiness(server);
    if (problem === undefined)
      return { name: "postgres", process: server, port, password, stop: () => endChild(server, "SIGINT") };
    if (attempt === 3) throw new IhcError("unavailable", `postgres did not start: ${problem.trim()}`);
  }
}

async function initialise(
  bin: string,
  folder: string,
  password: string,
  owner: Owner | undefined,
  identity: object,
): Promise<void> {
  const file = join(folder, "password");
  writeFileSync(file, password, { mode: 0o600 });
  if (owner !== undefined) chownSync(file, owner.uid, owner.gid);
  const data = [
    "-D",
    join(folder, "data"),
    "--username=postgres",
    `--pwfile=${file}`,
    "--auth=scram-sha-256",
  ];
  await run(join(bin, "initdb"), [...data, "--encoding=UTF8", "--no-locale", "--no-sync"], identity);
}

function settings(folder: string, port: number): string[] {
  const pairs = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "shared_buffers=32MB",
    "fsync=off",
    "log_min_messages=warning",
    "password_encryption=scram-sha-256",
  ];
  return ["-D", join(folder, "data"), ...pairs.flatMap((pair) => ["-c", pair])];
}

/** Undefined once it takes connections, else what it said before it ended or fell silent. */
async function readiness(server: ChildProcess): Promise<string | undefined> {
  let said = "";
  const over = new AbortController();
  const ready = new Promise<undefined>((resolve) => {
    server.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4000);
      if (/ready to accept connections/.test(said)) resolve(undefined);
    });
  });
  const deadline = AbortSignal.timeout(30_000);
  const signal = AbortSignal.any([over.signal, deadline]);
  const failed = Promise.race([once(server, "exit", { signal }), once(server, "error", { signal })]);
  const problem = await Promise.race([
    ready,
    failed.then(
      () => said || "it ended at once",
      () => said || "it fell silent",
    ),
  ]);
  over.abort();
  if (problem !== undefined) await endChild(server, "SIGKILL");
  return problem;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("a TCP server has a port");
  return address.port;
}
