import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startWorld, type World } from "../support/world.ts";

let world: World;
before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee");
});
after(() => world.stop());

const psql = async (person: string): Promise<{ code: number; output: string }> => {
  const running = world.as(person, "status", "--json");
  assert.equal(await running.ended(), 0, running.output());
  const [item] = JSON.parse(running.stdout()).items;
  const { start } = await import("../../src/demo/run.ts");
  const asked = start("psql", ["-X", "-w", "-Atc", "select 40 + 2"], {
    env: { ...world.home.environment(person), ...item.environment },
  });
  return { code: await asked.ended(), output: asked.output() };
};

test("no secret of the session is in arguments, environment or modes of the local agent, and SIGUSR1 opens no inspector", {
  timeout: 60_000,
}, async () => {
  const { running, client } = await world.connect("ana", { approver: "lee", for: "1h" });
  const { pid } = running;
  assert.ok(pid !== undefined && client.password.length > 20);
  for (const name of ["cmdline", "environ"])
    assert.ok(!readFileSync(`/proc/${pid}/${name}`, "latin1").includes(client.password), name);
  const runtime = join(world.home.environment("ana")["XDG_RUNTIME_DIR"] ?? "", "ihc");
  for (const entry of readdirSync(runtime, { recursive: true, withFileTypes: true }))
    assert.equal(statSync(join(entry.parentPath, entry.name)).mode & 0o077, 0, entry.name);
  process.kill(pid, "SIGUSR1");
  await sleep(500);
  await assert.rejects(
    new Promise((resolve, reject) =>
      connect(9229, "127.0.0.1", () => resolve(undefined)).once("error", reject),
    ),
    { code: "ECONNREFUSED" },
  );
  assert.equal((await psql("ana")).output.trim(), "42");
  await running.end();
  assert.deepEqual(readdirSync(join(runtime, "running")), []);
  assert.deepEqual(readdirSync(join(runtime, "sessions")), []);
});

test("after the gateway was killed and came back, the same port serves a new session", {
  timeout: 100_000,
}, async () => {
  const { running, session } = await world.connect("ana", {});
  assert.equal((await psql("ana")).output.trim(), "42");
  await world.restart("SIGKILL");
  // A client that comes meanwhile is what makes the agent look; it may fail, and is told why.
  await psql("ana");
  const [, reopened = ""] = await running.until(
    /the session ended: [^\n]+\n[^\n]*(ses_[0-9A-Z]+) goes on/,
    60_000,
  );
  assert.notEqual(reopened, session);
  assert.deepEqual(await psql("ana"), { code: 0, output: "42\n" });
  await running.end();
});

test("when its grant is revoked a connection ends with the denial's exit code and says so", {
  timeout: 60_000,
}, async () => {
  const { running, client } = await world.connect("ana", {});
  const grants = await world.does("ana", ["grants", "--mine", "--json"]);
  const [grant] = JSON.parse(grants.stdout()).items;
  const { start } = await import("../../src/demo/run.ts");
  const held = start("psql", ["-X", "-w", "-c", "select pg_sleep(60)"], { env: { ...client.environment } });
  await sleep(1500);
  await world.does("lee", ["revoke", grant.id]);
  assert.notEqual(await held.ended(20_000), 0);
  assert.equal(await running.ended(60_000), 3, running.output());
  assert.match(running.output(), /revoked/);
});

test("after its end access is asked for again and served on the same port, told as one event a line", {
  timeout: 90_000,
}, async () => {
  const running = world.as(
    "ana",
    "connect",
    "prod-db",
    "--reason",
    "a short one",
    "--for",
    "6s",
    "--renew",
    "--json",
    "--port",
    "0",
  );
  const events = (): Record<string, unknown>[] =>
    running
      .stdout()
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
  const [first] = await running.until(/req_[0-9A-Z]+/);
  await world.review("lee", first).then((review) => review.ended());
  await running.until(/"event":"ready"/);
  const again = new RegExp(`"waiting_approval","request":"(?!${first})(req_[0-9A-Z]+)"`);
  const [, second = ""] = await running.until(again, 30_000);
  await world.review("lee", second).then((review) => review.ended());
  await running.until(/"event":"ready"[\s\S]*"event":"ready"/);
  const connected = events().filter(({ event }) => event === "connected");
  assert.equal(connected.length, 2);
  assert.deepEqual(Object.keys(connected[0] ?? {}).toSorted(), [
    "address",
    "event",
    "expiration",
    "port",
    "protocol",
    "session_id",
    "v",
  ]);
  assert.equal(connected[0]?.["port"], connected[1]?.["port"]);
  assert.notEqual(connected[0]?.["session_id"], connected[1]?.["session_id"]);
  assert.ok(events().every(({ v }) => v === 1));
  await running.end("SIGINT");
  assert.equal(events().at(-1)?.["event"], "completed");
});
