import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { spawn } from "@lydell/node-pty";
import { until } from "../bypass/api/support/scene.ts";
import { startWorld, type World } from "../support/world.ts";

const policy = `@id("all") permit (principal in Group::"oncall", action, resource) when { resource.labels.env == "prod" };`;
const secret = "4111 1111 1111 1111";

let world: World;
before(async () => {
  world = await startWorld({ policy });
  await world.logIn("ana", "sam");
});
after(() => world.stop());

const spool = (person: string): string => {
  const { XDG_STATE_HOME = "" } = world.home.environment(person);
  return join(XDG_STATE_HOME, "ihc", "spool");
};
const waiting = (person: string): readonly string[] =>
  existsSync(spool(person)) ? readdirSync(spool(person)) : [];
const newest = async (person: string): Promise<string> => {
  const { items } = JSON.parse((await world.does(person, ["sessions", "--json"])).stdout());
  return items[0].id;
};

test("what a command prints into pipes passes unchanged, and is kept as the session's client track, masked", {
  timeout: 60_000,
}, async () => {
  const script = `echo to-stdout; echo "card ${secret}"; echo to-stderr >&2; exit 7`;
  const ran = await world.does("ana", ["connect", "prod-db", "--", "sh", "-c", script], 7);
  assert.equal(ran.stdout(), `to-stdout\ncard ${secret}\n`);
  assert.match(ran.stderr(), /to-stderr/);
  assert.deepEqual(waiting("ana"), [], "all of it is uploaded");

  const session = await newest("ana");
  const client = await world.does("sam", ["replay", session, "--track", "client", "--format", "text"]);
  assert.match(client.stdout(), /to-stdout/);
  assert.match(client.stdout(), /to-stderr/);
  assert.doesNotMatch(client.stdout(), /4111/);
  const own = await world.does("sam", ["replay", session, "--format", "text"]);
  assert.doesNotMatch(own.stdout(), /to-stdout/, "the gateway's own recording is another one");

  const bundle = join(world.folder, "track.json");
  await world.does("sam", ["evidence", session, bundle]);
  await world.does("sam", ["evidence", "verify", bundle]);
  const offline = ["replay", "--file", bundle, "--track", "client", "--format", "text"];
  assert.match((await world.does("sam", offline)).stdout(), /to-stdout/);
  await world.does("sam", ["audit", "verify"]);
});

test("in a terminal the command has a terminal, with its size, its exit code and what is typed", {
  timeout: 60_000,
}, async () => {
  const [program, script] = world.ihc;
  const command = 'tty >/dev/null && stty size; read line; echo "got $line"; exit 9';
  const terminal = spawn(program, [script ?? "", "connect", "prod-db", "--", "sh", "-c", command], {
    cols: 91,
    rows: 33,
    env: { ...world.home.environment("ana") },
  });
  let screen = "";
  terminal.onData((data) => {
    screen += data;
  });
  const exit = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  try {
    await until(() => /33 91/.test(screen), 30_000);
    terminal.write("hello\r");
    assert.equal(await exit, 9, screen);
  } finally {
    terminal.kill("SIGKILL");
  }
  assert.match(screen, /got hello/);
  const session = await newest("ana");
  const cast = await world.does("sam", ["replay", session, "--track", "client", "--format", "cast"]);
  assert.match(cast.stdout(), /got hello/);
  assert.match(cast.stdout(), /91/);
});

test("a recorder that was killed leaves its recording, and the next ihc command uploads it", {
  timeout: 90_000,
}, async () => {
  const running = world.as("ana", "connect", "prod-db", "--", "sh", "-c", "echo before-the-kill; sleep 60");
  await running.until(/before-the-kill/);
  const session = await newest("ana");
  await until(() => waiting("ana").includes(session), 10_000);
  await running.end("SIGKILL");
  assert.deepEqual(waiting("ana"), [session]);

  const upload = await world.does("ana", ["upload", "--json"]);
  const line = JSON.parse(upload.stdout());
  assert.equal(line.state, "uploaded");
  assert.equal(line.session, session);
  assert.deepEqual(waiting("ana"), []);
  const client = await world.does("sam", ["replay", session, "--track", "client", "--json"]);
  const events = client
    .stdout()
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text));
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, at) => at),
  );
  const shown = events.filter(({ event }) => event.type === "output").map(({ event }) => event.data);
  assert.match(Buffer.from(shown.join(""), "base64").toString(), /before-the-kill/);
  const { event: last } = events.at(-1);
  assert.equal(last.type, "end");
  assert.equal(last.complete, false, "it says that it was cut off");
  await world.does("ana", ["disconnect", "--all"]);
});

test("while the gateway is away the recording waits; --no-record records nothing", {
  timeout: 90_000,
}, async () => {
  const gateway = world.gatewayProcess().process;
  const away = `sleep 1; kill -STOP ${gateway?.pid}; echo shown-without-a-gateway`;
  const ran = world.as("ana", "connect", "prod-db", "--", "sh", "-c", away);
  try {
    await ran.ended(60_000);
  } finally {
    gateway?.kill("SIGCONT");
  }
  assert.match(ran.stdout(), /shown-without-a-gateway/);
  assert.match(ran.stderr(), /ihc upload/);
  const [left = ""] = waiting("ana");
  assert.match(left, /^ses_/);
  for (const name of readdirSync(join(spool("ana"), left)))
    assert.doesNotMatch(readFileSync(join(spool("ana"), left, name), "utf8"), /Bearer|eyJ/);
  await world.does("ana", ["sessions"]);
  assert.deepEqual(waiting("ana"), [], "the next command took it along");
  const client = await world.does("sam", ["replay", left, "--track", "client", "--format", "text"]);
  assert.match(client.stdout(), /shown-without-a-gateway/);
  await world.does("sam", ["audit", "verify"]);

  await world.does("ana", ["connect", "prod-db", "--no-record", "--", "echo", "unrecorded"]);
  const session = await newest("ana");
  const none = await world.does("sam", ["replay", session, "--track", "client", "--format", "text"]);
  assert.doesNotMatch(none.stdout(), /unrecorded/);
});
