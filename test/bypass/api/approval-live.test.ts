import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import postgres from "postgres";
import { IhcError } from "../../../src/base/errors.ts";
import { ask, ownersView } from "../../../src/demo/sql.ts";
import { startTestGateway } from "../../gateway/support/gateway.ts";
import { ihc } from "../../support/cli.ts";
import { startPostgres } from "../../support/postgres.ts";
import { startWorld, type World } from "../../support/world.ts";
import { playsOf } from "./support/plays.ts";
import { connected, granted, opened, until } from "./support/scene.ts";
import { onTerminal } from "./support/terminal.ts";

const { plays, rate } = playsOf("api-approval");

let world: World;

before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee", "sam");
});
after(() => world.stop());

async function filedByCli(reason: string): Promise<string> {
  const filed = await world.does("ana", ["request", "prod-db", "--reason", reason, "--for", "30m", "--json"]);
  const [request = ""] = /req_[0-9A-Z]+/.exec(filed.stdout()) ?? [];
  return request;
}

async function stateOf(request: string): Promise<string> {
  const shown = await world.does("lee", ["requests", request, "--json"]);
  return JSON.parse(shown.stdout()).request.state;
}

plays("api-approval-017", "safe", async () => {
  const hostile = "fix\u001b[2K\u001b[1A\u001b[2KAPPROVED by carol\u0007\u009b2J\u202egro\r\nsecond";
  const request = await filedByCli(hostile);
  for (const args of [
    ["requests"],
    ["requests", request],
    ["requests", request, "--json"],
    ["approve", request],
  ]) {
    const said = world.as("lee", ...args);
    await said.ended();
    assert.match(said.output(), /fix/);
    for (const byte of ["\u001b", "\u0007", "\u009b", "\u202e", "\r"])
      assert.ok(!said.output().includes(byte), `${args[0]} ${byte.codePointAt(0)}`);
  }
  const terminal = onTerminal([...ihc, "approve", request], world.home.environment("lee"));
  await terminal.shows(/Type the target's name|Approve exactly this/);
  assert.ok(!terminal.raw().includes("\u001b[2K\u001b[1A\u001b[2KAPPROVED"));
  assert.match(terminal.screen(), /fix\\u001b\[2K/);
  terminal.type("\u0003");
  assert.notEqual(await terminal.ended(), 0);
  assert.equal(await stateOf(request), "pending");
  await world.does("ana", ["cancel", request]);
});

plays("api-approval-024", "deny", async () => {
  const request = await filedByCli("bulk");
  for (const args of [
    ["--all"],
    ["*"],
    ["req_*"],
    [request, request],
    [""],
    ["--yes"],
    [request, "--yes"],
    [request, "--force"],
  ]) {
    const tried = world.as("lee", "approve", ...args);
    assert.notEqual(await tried.ended(), 0, args.join(" "));
  }
  for (const input of ["y\n", "yes\n", "prod-db\n", "y\ny\ny\n"]) {
    const [program, script] = ihc;
    const env = world.home.environment("lee");
    const piped = spawnSync(program, [script, "approve", request], { env, input, timeout: 30_000 });
    assert.equal(piped.status, 2, "a pipe is no person");
  }
  assert.equal(await stateOf(request), "pending");

  const hasty = onTerminal([...ihc, "approve", request], world.home.environment("lee"));
  await hasty.shows(/High risk\. Type the target's name \(prod-db\) to approve/);
  hasty.type("y\r");
  assert.notEqual(await hasty.ended(), 0, hasty.screen());
  assert.equal(await stateOf(request), "pending");
  const careful = onTerminal([...ihc, "approve", request], world.home.environment("lee"));
  await careful.shows(/Type the target's name/);
  careful.type("prod-db\r");
  assert.equal(await careful.ended(), 0, careful.screen());
  assert.equal(await stateOf(request), "approved");
  await revokeAll();
});

plays("api-approval-025", "close", async () => {
  const { client } = await world.connect("ana", { approver: "lee" });
  const { port, password } = client;
  const sql = postgres({
    host: "127.0.0.1",
    port,
    user: "ihc",
    database: "app",
    password,
    ssl: false,
    fetch_types: false,
    max: 1,
    onnotice: () => undefined,
  });
  try {
    const copy = "copy (select repeat('x', 1000) from generate_series(1, 1000000)) to stdout";
    const rows = await sql.unsafe(copy).readable();
    let bytes = 0;
    rows.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    rows.on("error", () => rows.destroy());
    const over = new Promise((resolve) => rows.once("close", resolve));
    await until(() => bytes > 4_000_000);
    const begun = performance.now();
    const [revoked] = await revokeAll();
    assert.ok(revoked);
    await until(async () => (await copying()) === "0", 5000);
    await over;
    // The command that revokes takes its own time to start; from its answer on, one second is promised.
    assert.ok(performance.now() - Math.max(begun, revoked) < 1000, "cut and cancelled within a second");
    assert.ok(bytes < 1_000_000_000, "it did not run to its end");
  } finally {
    await sql.end({ timeout: 1 });
  }
});

plays("api-approval-027", "deny", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ihc-partition-"));
  const server = await startPostgres();
  writeFileSync(join(folder, "store"), server.url("postgres"), { mode: 0o600 });
  const g = await startTestGateway({
    change: (config) => ({
      ...config,
      store: { postgres: `file:${join(folder, "store")}` },
      state: "./state",
    }),
  });
  try {
    const alice = await g.person("alice", ["oncall"]);
    const bob = await g.person("bob", ["oncall"]);
    const lee = await g.person("lee", ["leads"]);
    const longer = await granted(bob, lee);
    const grant = await granted(alice, lee, "prod", { duration: 3000 });
    const lines = await connected(alice, await opened(alice, "prod", grant));
    assert.equal(await lines.ask("read a"), "ok read a");
    await server.stop();
    for (const [who, body] of [
      [bob, { target: "prod", grant: longer }],
      [bob, { target: "staging" }],
    ] as const)
      assert.equal((await who.call("POST", "/v1/sessions", { body })).status, 503, "fail closed");
    assert.equal(
      (await bob.call("POST", "/v1/requests", { body: { target: "prod", reason: "x" } })).status,
      503,
    );
    assert.match(await lines.ask("write b"), /^no /, "what must be held or entered cannot be");
    assert.equal(await lines.end.ended, "the grant has ended", "by the gateway's own clock");
    await assert.rejects(alice.tunnel("ses_AAAAAAAAAAAA"), IhcError);
  } finally {
    await g.stop();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
});

plays("api-approval-028", "close", async () => {
  const { running, session, client } = await world.connect("ana", { approver: "lee" });
  assert.match((await ask(client, "select 4711 as before_the_cut").done).output, /before_the_cut/);
  await world.restart("SIGKILL");
  const shown = await world.does("sam", ["sessions", "--json"]);
  const { items } = JSON.parse(shown.stdout());
  const cut = items.find(({ id }: { id: string }) => id === session);
  assert.deepEqual([cut.state, cut.complete], ["ended", false]);
  const replay = await world.does("sam", ["replay", session, "--format", "text"]);
  assert.match(replay.stdout(), /before_the_cut/);
  assert.match(replay.stdout(), /stopped without closing|incomplete/);
  const verified = await world.does("sam", ["audit", "verify"]);
  assert.match(verified.output(), /entries hold/);
  await running.end("SIGINT");
});

rate();

/** Revokes every grant of ana's; the moments at which the commands had their answer. */
async function revokeAll(): Promise<readonly number[]> {
  const shown = await world.does("ana", ["grants", "--mine", "--json"]);
  const done: number[] = [];
  for (const [grant] of shown.stdout().matchAll(/gra_[0-9A-Z]+/g)) {
    await world.does("sam", ["revoke", grant]);
    done.push(performance.now());
  }
  return done;
}

function copying(): Promise<string> {
  const others = "state = 'active' and pid <> pg_backend_pid()";
  return ownersView(
    world.shop,
    `select count(*) from pg_stat_activity where query like 'copy (select repeat%' and ${others}`,
  );
}
