import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { controlClient } from "../../../src/agent/control-client.ts";
import { openCredentials } from "../../../src/agent/identity/credentials.ts";
import { goLive } from "../../../src/agent/live.ts";
import { agentPaths } from "../../../src/agent/paths.ts";
import { chooseProfile, readProfiles } from "../../../src/agent/profiles.ts";
import { ask } from "../../../src/demo/sql.ts";
import { serveReplay } from "../../../src/web/replay.ts";
import { startTestGateway } from "../../gateway/support/gateway.ts";
import { Wire } from "../../support/cases/wire.ts";
import { ihc, startCli } from "../../support/cli.ts";
import { type Connection, startWorld, type World } from "../../support/world.ts";
import { playsOf } from "./support/plays.ts";
import { connected, granted, opened, rawRequest, until } from "./support/scene.ts";

const { plays, rate } = playsOf("local-agent");

const home = mkdtempSync(join(tmpdir(), "ihc-local-"));
let world: World;
let connection: Connection;

before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee");
  connection = await world.connect("ana", { approver: "lee", for: "2h" });
});
after(async () => {
  await world.stop();
  rmSync(home, { recursive: true, force: true });
});

plays("local-agent-001", "deny", async () => {
  const { port, password } = connection.client;
  for (const [user, guess] of [
    ["ihc", ""],
    ["ihc", "postgres"],
    ["ihc", `${password}x`],
    ["postgres", password],
  ] as const) {
    const wire = await Wire.open(port);
    await wire.login({ user, database: "app" }, guess);
    assert.equal(wire.count("Z"), 0, `${user} is not let in`);
    await wire.until(() => wire.closed, 5000);
    assert.ok(wire.closed || wire.errors().length > 0);
    wire.destroy();
  }
  const owner = await Wire.open(port);
  await owner.login({ user: "ihc", database: "app" }, password);
  assert.ok(owner.count("Z") > 0, "with the session's own secret it works");
  owner.destroy();
  const passfile = connection.client.environment["PGPASSFILE"] ?? "";
  assert.equal(statSync(passfile).mode & 0o077, 0, "which nobody else can read");
  assert.equal(statSync(join(passfile, "..")).mode & 0o077, 0);
  const socket = join(home, "socket");
  const second = world.as("ana", "connect", "prod-db", "--reason", "socket", "--socket", socket);
  await second.until(/session ses_/);
  assert.equal(statSync(socket).mode & 0o777, 0o700);
  for (const name of readdirSync(socket)) assert.equal(statSync(join(socket, name)).mode & 0o077, 0, name);
  await second.end("SIGINT");
});

plays("local-agent-003", "deny", async () => {
  const { port } = connection.client;
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const listeners = ["tcp", "tcp6"].flatMap((file) =>
    readFileSync(`/proc/net/${file}`, "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local = "", , state]) => local.endsWith(`:${hex}`) && state === "0A")
      .map(([, local = ""]) => local.split(":")[0]),
  );
  assert.deepEqual(listeners, ["0100007F"], "127.0.0.1 and nothing else");
  for (const args of [
    ["--address", "0.0.0.0"],
    ["--host", "::"],
    ["--bind", "0.0.0.0"],
    ["--listen", "0.0.0.0:5432"],
    ["--port", "0.0.0.0:0"],
  ]) {
    const tried = world.as("ana", "connect", "prod-db", "--reason", "x", ...args);
    assert.equal(await tried.ended(), 2, args.join(" "));
  }
});

const local = () => ({ url: `http://127.0.0.1:${connection.client.port}` });

plays("local-agent-009", "deny", async () => {
  // A page in a sandboxed frame posts to the local port: it is no PostgreSQL client, and nothing of it reaches the target.
  const body = "Q\u0000\u0000\u0000\u0013drop table x;\u0000";
  for (const origin of ["null", "file://", "https://evil.example"]) {
    const answer = await rawRequest(
      local(),
      `POST / HTTP/1.1\r\nHost: HOST\r\nOrigin: ${origin}\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n`,
      body,
    );
    assert.doesNotMatch(answer, /^HTTP/);
    assert.ok(!answer.includes("drop table"));
    const gateway = await rawRequest(
      { url: world.gateway },
      `GET /v1/whoami HTTP/1.1\r\nHost: HOST\r\nOrigin: ${origin}\r\n`,
    );
    assert.match(gateway, /^HTTP\/1\.1 403 /);
    assert.doesNotMatch(gateway, /access-control-allow-origin/i);
  }
  const replay = await serveReplay({ title: "t", facts: [], casts: [{ title: "", cast: "" }], log: [] });
  try {
    const answer = await fetch(replay.url, { headers: { origin: "null" } });
    assert.equal(answer.status, 403);
  } finally {
    await replay.close();
  }
  assert.match((await ask(connection.client, "select 40 + 2 as answer").done).output, /42/, "it goes on");
});

plays("local-agent-010", "deny", async () => {
  // A name whose answer is 0.0.0.0, ::1 or 127.0.0.1 brings a browser here under the attacker's name.
  const replay = await serveReplay({ title: "t", facts: [], casts: [{ title: "", cast: "" }], log: [] });
  try {
    const { port, pathname } = replay.url;
    const names = [
      `rebound.evil.example:${port}`,
      `0.0.0.0:${port}`,
      `[::1]:${port}`,
      `localhost.evil.example:${port}`,
    ];
    for (const host of names) {
      const own = await rawRequest(
        { url: replay.url.origin },
        `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n`,
      );
      assert.match(own, /^HTTP\/1\.1 403 /, host);
    }
    for (const host of ["rebound.evil.example", "0.0.0.0", "[::1].evil.example"]) {
      const gateway = await rawRequest(
        { url: world.gateway },
        `GET /.well-known/ihc HTTP/1.1\r\nHost: ${host}\r\n`,
      );
      assert.match(gateway, /^HTTP\/1\.1 400 /, host);
      const agent = await rawRequest(local(), `GET / HTTP/1.1\r\nHost: ${host}\r\n`);
      assert.doesNotMatch(agent, /^HTTP/);
    }
  } finally {
    await replay.close();
  }
});

plays("local-agent-013", "safe", async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  const address = squatter.address();
  assert.ok(typeof address === "object" && address !== null);
  try {
    const taken = world.as("ana", "connect", "prod-db", "--reason", "squat", "--port", String(address.port));
    assert.equal(await taken.ended(), 1);
    assert.match(taken.stderr(), /taken by another program/);
    assert.doesNotMatch(taken.output(), /session ses_/, "no other port in silence, and no session");
  } finally {
    squatter.close();
  }
  const { password } = connection.client;
  const another = await world.connect("ana");
  assert.notEqual(another.client.password, password, "what a squatter could harvest is one session's");
  const wire = await Wire.open(another.client.port);
  await wire.login({ user: "ihc", database: "app" }, password);
  assert.equal(wire.count("Z"), 0);
  wire.destroy();
  await another.running.end("SIGINT");
});

plays("local-agent-015", "deny", async () => {
  const { XDG_RUNTIME_DIR: run = "" } = world.home.environment("ana");
  const folder = join(run, "ihc");
  const sockets = filesUnder(folder).filter((path) => path.endsWith(".sock"));
  assert.ok(sockets.length > 0, "the control socket of ihc status");
  for (const path of sockets) assert.equal(statSync(path).mode & 0o077, 0, path);
  assert.equal(statSync(folder).mode & 0o077, 0);
  chmodSync(folder, 0o777);
  const open = world.as("ana", "status");
  assert.notEqual(await open.ended(), 0, "a folder that others may enter is not used");
  assert.match(open.stderr(), /open to other users/);
  chmodSync(folder, 0o700);
  await world.does("ana", ["status"]);
  const bare = startCli(["status"], { env: { HOME: join(home, "bare") } });
  assert.equal(await bare.ended(), 0, bare.output());
  assert.ok(existsSync(join(home, "bare", ".local", "state", "ihc", "run")), "never a name in /tmp");
});

plays("local-agent-016", "deny", async () => {
  const { XDG_STATE_HOME: state = "" } = world.home.environment("ana");
  const keys = join(home, "authorized_keys");
  writeFileSync(keys, "mine\n");
  const logs = join(state, "ihc", "log");
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  symlinkSync(keys, join(logs, "prod-db.log"));
  const background = world.as("ana", "connect", "prod-db", "--reason", "log", "--port", "0", "--background");
  assert.notEqual(await background.ended(), 0, "a link in the log's place is refused");
  assert.equal(readFileSync(keys, "utf8"), "mine\n");
  rmSync(join(logs, "prod-db.log"));
  await world.does("ana", ["connect", "prod-db", "--reason", "log", "--port", "0", "--background"]);
  assert.equal(statSync(join(logs, "prod-db.log")).mode & 0o077, 0);
  const shown = await world.does("ana", ["status", "--json"]);
  const { items } = JSON.parse(shown.stdout());
  const behind = items.find(({ background: own }: { background: boolean }) => own);
  await world
    .does("ana", ["disconnect", behind.session])
    .catch(() => world.does("ana", ["disconnect", "--all"]));
  connection = await world.connect("ana");
});

plays("local-agent-017", "deny", async () => {
  const child = world.as(
    "ana",
    "connect",
    "prod-db",
    "--reason",
    "child",
    "--port",
    "0",
    "--",
    "sleep",
    "30",
  );
  const pid = child.pid ?? 0;
  await until(() => childrenOf(pid).length > 0, 30_000);
  const agent = connection.running.pid ?? 0;
  const { process: gateway } = world.gatewayProcess();
  const secrets = await secretsOf("ana");
  assert.ok(secrets.length > 1);
  for (const one of [pid, ...childrenOf(pid), agent]) {
    const argv = readFileSync(`/proc/${one}/cmdline`, "latin1");
    const environ = readFileSync(`/proc/${one}/environ`, "latin1");
    for (const secret of secrets)
      assert.ok(!argv.includes(secret) && !environ.includes(secret), `process ${one}`);
    assert.doesNotMatch(environ, /PGPASSWORD=|eyJ[\w-]+\.eyJ/);
  }
  const argv = readFileSync(`/proc/${gateway?.pid}/cmdline`, "latin1");
  for (const secret of [...secrets, world.shop.reader.password, world.shop.writer.password])
    assert.ok(!argv.includes(secret));
  await child.end("SIGINT");
});

plays("local-agent-018", "deny", async () => {
  const { process: gateway } = world.gatewayProcess();
  const cli = startCli(["login", "--gateway", world.gateway, "--insecure-storage"], {
    env: { HOME: join(home, "cli") },
  });
  await cli.until(/one-time code/);
  for (const pid of [gateway?.pid ?? 0, connection.running.pid ?? 0, cli.pid ?? 0]) {
    const before = listening(pid);
    process.kill(pid, "SIGUSR1");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepEqual(listening(pid), before, "no new port");
    assert.doesNotMatch(readFileSync(`/proc/${pid}/cmdline`, "latin1"), /--inspect/);
  }
  await connection.running.until(/SIGUSR1 ignored/);
  await cli.until(/SIGUSR1 ignored/);
  await cli.end();
  assert.match((await ask(connection.client, "select 40 + 2 as answer").done).output, /42/, "and both go on");
});

plays("local-agent-020", "deny", () => {
  const name = "$(touch pwned)`touch pwned`;touch pwned";
  const bin = join(home, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "ihc"), `#!/bin/sh\nprintf '%s\\tabout\\n' '${name}'\n`, { mode: 0o755 });
  const [program, script] = ihc;
  const completion = join(home, "ihc.bash");
  writeFileSync(completion, execFileSync(program, [script, "completion", "bash"], { env: { HOME: home } }));
  const typed = `source '${completion}'; COMP_WORDS=(ihc connect ''); COMP_CWORD=2; _ihc_complete; eval "printf '%s' \${COMPREPLY[0]}"`;
  const ran = spawnSync("/bin/bash", ["--norc", "-c", typed], {
    cwd: home,
    env: { PATH: `${bin}:/usr/bin:/bin`, HOME: home },
  });
  assert.equal(ran.stdout.toString(), name, ran.stderr.toString());
  assert.ok(!existsSync(join(home, "pwned")));
});

plays("local-agent-022", "close", async () => {
  const env = world.home.environment("ana");
  const paths = agentPaths(env);
  const profile = chooseProfile(await readProfiles(paths));
  const control = controlClient(profile, await openCredentials(paths, profile));
  let slept = 0;
  const clock = { now: () => new Date(Date.now() + slept), monotonic: () => performance.now() };
  const told: string[] = [];
  const [target] = await control.targets();
  const grant = (await control.grants({ scope: "mine", state: "active" })).find(({ mine }) => mine);
  assert.ok(target && grant);
  const where = { kind: "port", port: 0 } as const;
  const tell = ({ kind }: { kind: string }): void => void told.push(kind);
  const live = await goLive({ control, access: { target, grant }, where, paths, clock, tell });
  try {
    const wire = await Wire.open(live.address.port);
    await until(() => live.connections() === 1);
    // The laptop sleeps: no timer runs and only the wall clock goes on, until it wakes beyond the end of the grant.
    slept = Date.parse(grant.expires_at) - Date.now() + 1000;
    const ending = await live.ending();
    assert.equal(ending.kind, "expired");
    await wire.until(() => wire.closed, 5000);
    assert.ok(wire.closed, "what was open is cut");
    wire.destroy();
  } finally {
    await live.close();
    control.close();
  }
  // The gateway does not wait for the laptop: its own calendar ends the session as well.
  let shift = 0;
  const g = await startTestGateway({
    clock: { now: () => new Date(Date.now() + shift), monotonic: () => performance.now() },
  });
  try {
    const [alice, lead] = [await g.person("alice", ["oncall"]), await g.person("lee", ["leads"])];
    const given = await granted(alice, lead, "prod", { duration: 3_600_000 });
    const lines = await connected(alice, await opened(alice, "prod", given));
    assert.equal(await lines.ask("read a"), "ok read a");
    shift = 2 * 3_600_000;
    assert.equal(await lines.end.ended, "the grant has ended");
  } finally {
    await g.stop();
  }
});

rate();

function filesUnder(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name));
}

/** Session secrets of the person's connections, and what seals their login. */
async function secretsOf(person: string): Promise<readonly string[]> {
  const { XDG_RUNTIME_DIR: run = "", XDG_STATE_HOME: state = "" } = world.home.environment(person);
  const files = [...filesUnder(run), ...filesUnder(state)].filter((path) => statSync(path).isFile());
  const passwords = files
    .filter((path) => path.endsWith("pgpass"))
    .map((path) => readFileSync(path, "utf8").trim().split(":").at(-1) ?? "");
  const keys = files.filter((path) => path.endsWith("/key")).map((path) => readFileSync(path, "utf8").trim());
  return await Promise.resolve(
    [...passwords, ...keys, connection.client.password].filter((secret) => secret.length > 8),
  );
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean)
    .map(Number);
}

/** Inodes of the sockets on which a process listens. */
function listening(pid: number): readonly string[] {
  const open = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => /socket:\[(\d+)\]/.exec(linkOf(pid, fd))?.[1] ?? []),
  );
  return ["tcp", "tcp6"]
    .flatMap((file) =>
      readFileSync(`/proc/net/${file}`, "utf8")
        .split("\n")
        .map((line) => line.trim().split(/\s+/)),
    )
    .filter(([, , , state, , , , , , inode = ""]) => state === "0A" && open.has(inode))
    .map(([, local = ""]) => local)
    .sort();
}

function linkOf(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return "closed meanwhile";
  }
}
