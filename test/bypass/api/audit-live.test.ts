import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import pg from "pg";
import { formatLogKey } from "../../../src/core/audit/checkpoint.ts";
import { verifyLog } from "../../../src/core/audit/verify.ts";
import { startTestGateway, type TestGateway } from "../../gateway/support/gateway.ts";
import { startPostgres } from "../../support/postgres.ts";
import { startWorld, type World } from "../../support/world.ts";
import { playsOf } from "./support/plays.ts";
import { connected, entries, filed, granted, opened, until } from "./support/scene.ts";

const { plays, rate } = playsOf("audit");

const home = mkdtempSync(join(tmpdir(), "ihc-audit-live-"));

let world: World;

before(async () => {
  world = await startWorld();
  await world.logIn("ana", "lee", "sam");
});
after(async () => {
  await world.stop();
  rmSync(home, { recursive: true, force: true });
});

plays("audit-015", "safe", async () => {
  const server = await startPostgres();
  const url = join(home, "store-url");
  writeFileSync(url, server.url("postgres"), { mode: 0o600 });
  const start = (): Promise<TestGateway> =>
    startTestGateway({
      change: (config) => ({
        ...config,
        store: { postgres: `file:${url}` },
        state: "./state",
        audit: { origin: "ihc.shared", witness: join(home, "shared-witness") },
      }),
      beforeStart: (folder) => {
        // Gateways that share a store share the log's key.
        const key = join(home, "shared.key");
        mkdirSync(join(folder, "state"), { mode: 0o700 });
        cpSync(key, join(folder, "state", "log.key"), { force: true });
      },
    });
  writeFileSync(join(home, "shared.key"), `${formatLogKey("ihc.shared", Buffer.alloc(32, 7))}\n`, {
    mode: 0o600,
  });
  const [one, two] = [await start(), await start()];
  try {
    const writers = await Promise.all(
      [one, two].flatMap((g, at) => [0, 1].map((n) => g.person(`w${at}${n}`, ["oncall"]))),
    );
    await Promise.all(
      writers.map(async (who) => {
        for (let n = 0; n < 12; n += 1) await filed(who);
      }),
    );
    const seen = await Promise.all([one, two].map(async (g) => entries(await g.person("max", ["auditors"]))));
    const created = (found: readonly { kind: string }[]) =>
      found.filter(({ kind }) => kind === "request.created").length;
    assert.deepEqual(seen.map(created), [48, 48], "nothing is lost, nothing twice");
    for (const found of seen)
      assert.deepEqual(
        found.map(({ index }) => index),
        found.map((_, at) => at),
      );
    const shorter = Math.min(...seen.map(({ length }) => length));
    assert.deepEqual(seen[0]?.slice(0, shorter), seen[1]?.slice(0, shorter), "one chain, no fork");
    const max = await one.person("max", ["auditors"]);
    const key = (await max.call("GET", "/v1/audit/key")).text.trim();
    const checkpoint = (await max.call("GET", "/v1/audit/checkpoint")).text;
    const size = Number(checkpoint.split("\n")[1]);
    const { leaves } = (await max.call("GET", `/v1/audit/entries?from=0&to=${size}`)).body;
    assert.ok(Array.isArray(leaves) && leaves.length === size);
    assert.deepEqual(verifyLog({ leaves: leaves.map(String), checkpoint }, key).problems, []);
  } finally {
    await one.stop();
    await two.stop();
    await server.stop();
  }
});

plays("audit-016", "close", async () => {
  const witness = join(home, "witness");
  const g = await startTestGateway({
    change: (config) => ({ ...config, audit: { origin: "ihc.test", witness } }),
  });
  try {
    const [alice, bob, lee, max] = await Promise.all([
      g.person("alice", ["oncall"]),
      g.person("bob", ["oncall"]),
      g.person("lee", ["leads"]),
      g.person("max", ["auditors"]),
    ]);
    const lines = await connected(alice, await opened(alice, "prod", await granted(alice, lee)));
    assert.equal(await lines.ask("read a"), "ok read a");
    // The sink goes: nobody can append to the witness any more.
    renameSync(witness, join(home, "witness-away"));
    symlinkSync(join(home, "nowhere"), witness);
    await filed(bob);
    await until(async () => (await fetch(`${g.url}/readyz`)).status === 503);
    assert.equal(
      await lines.ask("write b"),
      "no audit-unavailable",
      "what changes something is refused at once",
    );
    const opening = await bob.call("POST", "/v1/sessions", { body: { target: "staging" } });
    assert.equal(opening.status, 503);
    assert.equal((await max.call("GET", "/v1/audit/checkpoint")).status, 503);
    const queued = await filed(bob);
    assert.equal(
      await lines.end.ended,
      "the audit log cannot be written",
      "and what runs ends when it lasts",
    );
    // It comes back: what waited in the store is in the same chain.
    rmSync(witness);
    renameSync(join(home, "witness-away"), witness);
    await until(async () => (await fetch(`${g.url}/readyz`)).status === 200);
    const found = await entries(max);
    assert.ok(found.some(({ detail }) => detail["request"] === queued));
    assert.deepEqual(
      found.map(({ index }) => index),
      found.map((_, at) => at),
    );
    assert.equal((await bob.call("POST", "/v1/sessions", { body: { target: "staging" } })).status, 201);
  } finally {
    await g.stop();
  }
});

/** What is personal in the statements below; the shop masks by column and by detector. */
const canaries = ["canary.one@leak.example", "4111111111111111", "987-65-4321", "+15550199123"];

plays("audit-018", "deny", async () => {
  const { client, session, running } = await world.connect("ana", { approver: "lee" });
  const { port, password } = client;
  const connection = new pg.Client({
    host: "127.0.0.1",
    port,
    user: "ihc",
    database: "app",
    password,
    ssl: false,
  });
  await connection.connect();
  const said: string[] = [];
  const [email, card, ssn, phone] = canaries;
  for (const [text, values] of [
    ["select id, email from customers where id = $1", ["7"]],
    ["select id from customers where email = $1", [email]],
    ["select id from customers where card = $1 or ssn = $2", [card, ssn]],
    [`select id from customers where phone = '${phone}'`, []],
    [`select id from customers where ssn = '${ssn}' and card = '${card}'`, []],
  ] as const)
    await connection.query(text, [...values]).then(
      ({ rows }) => said.push(JSON.stringify(rows)),
      (error: unknown) => said.push(String(error)),
    );
  // A write is held, approved and run: its parameters pass reviewers, journal and audit log.
  const text = "insert into customers (email, phone, ssn) values ($1, $2, $3)";
  const held = connection.query(text, [email, phone, ssn]).catch((error: unknown) => String(error));
  const pending = async () => (await world.does("lee", ["requests", "--to-review", "--json"])).stdout();
  let request: string | undefined;
  await until(async () => {
    request = /req_[0-9A-Z]+/.exec(await pending())?.[0];
    return request !== undefined;
  }, 30_000);
  await (await world.review("lee", request ?? "")).ended();
  said.push(JSON.stringify(await held));
  await connection.end();
  await running.end("SIGINT");
  const replay = await world.does("sam", ["replay", session, "--format", "json"]);
  assert.match(replay.stdout(), /from customers where/);
  const exported = await world.does("sam", ["audit", "export"]);
  assert.match(exported.stdout(), /operation\.denied/);
  const decoded = replay
    .stdout()
    .replace(/"data":"([A-Za-z0-9+/=]+)"/g, (_, data: string) =>
      Buffer.from(data, "base64").toString("latin1"),
    );
  for (const [where, text] of [
    ["client", said.join("\n")],
    ["journal", decoded],
    ["audit log", exported.stdout()],
  ] as const)
    for (const canary of canaries) assert.ok(!text.includes(canary), `${canary} in the ${where}`);
});

rate();
