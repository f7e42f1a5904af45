import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before } from "node:test";
import pg from "pg";
import { systemClock } from "../../../src/base/clock.ts";
import { IhcError } from "../../../src/base/errors.ts";
import { newId, parseId, type SessionId } from "../../../src/base/ids.ts";
import { type Journals, openJournals } from "../../../src/storage/journals.ts";
import { type OpenStore, openStore } from "../../../src/storage/open.ts";
import { castName } from "../../../src/web/page.ts";
import { serveReplay } from "../../../src/web/replay.ts";
import { type Client, startTestGateway, type TestGateway } from "../../gateway/support/gateway.ts";
import { startWorld } from "../../support/world.ts";
import { verifyHost } from "./support/host.ts";
import { playsOf } from "./support/plays.ts";
import { connected, opened, rawHeaders, rawRequest, until } from "./support/scene.ts";

const { plays, rate } = playsOf("api-recording");

let g: TestGateway;
let alice: Client;
let store: OpenStore;
let journals: Journals;
const folder = mkdtempSync(join(tmpdir(), "ihc-recording-"));

before(async () => {
  g = await startTestGateway();
  alice = await g.person("alice", ["oncall"]);
  store = await openStore({ sqlite: folder });
  journals = await openJournals({
    folder: join(folder, "journals"),
    store,
    clock: systemClock,
    freeSpaceFloor: 0,
  });
});
after(async () => {
  await g.stop();
  journals.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const conflict = (error: unknown): boolean => error instanceof IhcError && error.code === "conflict";

/** A recorded session of alice's that has ended, and its files. */
async function recorded(): Promise<{ session: SessionId; files: () => string }> {
  const session = parseId("ses", await opened(alice, "staging"));
  assert.ok(session);
  const lines = await connected(alice, session);
  for (const what of ["first", "second", "third"]) await lines.ask(`read ${what}`);
  assert.equal((await alice.call("POST", `/v1/sessions/${session}/end`, { body: {} })).status, 200);
  const home = join(g.folder, "state", "journals", session);
  const files = (): string =>
    readdirSync(home)
      .sort()
      .map((name) => `${name} ${readFileSync(join(home, name)).toString("base64")}`)
      .join("\n");
  return { session, files };
}

/** Tries to put something in the place of the gateway's recording, at every address that could take it. */
async function uploads(session: string): Promise<readonly number[]> {
  const statuses: number[] = [];
  for (const method of ["POST", "PUT", "PATCH"])
    for (const path of [
      "journal",
      "chunks",
      "chunks/gateway/0",
      "chunks/gateway/1",
      "chunks/client",
      "events",
      "recording",
    ]) {
      const body = { bytes: "AAAA", number: 0, previous: "" };
      statuses.push((await alice.call(method, `/v1/sessions/${session}/${path}`, { body })).status);
    }
  return statuses;
}

plays("api-recording-002", "deny", async () => {
  const { session, files } = await recorded();
  const before = files();
  for (const status of await uploads(session)) assert.ok([404, 405].includes(status), String(status));
  assert.equal(files(), before);
  // Below the API it is write-once too: the session's folder, each chunk's file and each chunk's row.
  const own = newId("ses");
  const writer = await journals.open(own);
  await writer.append({ type: "note", text: "one" }, "durable");
  await writer.close("done");
  await assert.rejects(journals.open(own), conflict);
  const [chunk] = await store.chunks.list(own);
  assert.ok(chunk);
  await assert.rejects(store.chunks.insert({ ...chunk, digest: "sha256:other" }), conflict);
});

plays("api-recording-003", "deny", async () => {
  const { session, files } = await recorded();
  const before = files();
  for (const status of await uploads(session)) assert.ok([404, 405].includes(status), String(status));
  await assert.rejects(alice.tunnel(session), "nothing can be recorded into a session that has ended");
  assert.equal(files(), before);
  const own = newId("ses");
  const writer = await journals.open(own);
  await writer.close("done");
  await assert.rejects(writer.append({ type: "note", text: "late" }, "durable"));
  writer.add({ type: "note", text: "later" });
  const texts: string[] = [];
  for await (const { event } of journals.read(own)) texts.push(event.type);
  assert.deepEqual(texts, ["end"]);
});

plays("api-recording-004", "deny", async () => {
  for (const id of [
    "../../etc/cron.d/x",
    "..%2f..%2fetc%2fcron.d%2fx",
    "ses_../../../x",
    "%2e%2e/%2e%2e/etc/cron.d/x",
    "ses_AAAAAAAAAAAA/../../x",
  ]) {
    for (const method of ["POST", "PUT", "GET"]) {
      const path = `/v1/sessions/${id}/chunks/client/0`;
      const sent = await rawHeaders(g, alice, method, path);
      const head = `${method} ${path} HTTP/1.1\r\nHost: HOST\r\n${sent}Content-Type: application/json\r\nContent-Length: 2\r\n`;
      assert.match(await rawRequest(g, head, "{}"), /^HTTP\/1\.1 40[0145] /, `${method} ${id}`);
    }
    const invalid = async () => await journals.open(id as string as SessionId);
    await assert.rejects(
      invalid(),
      (error: unknown) => error instanceof IhcError && error.code === "invalid",
    );
  }
});

plays("api-recording-007", "alert", async () => {
  const { session } = await recorded();
  // What counts is recorded by the gateway, whatever the laptop sends or leaves out: numbered, without a gap.
  const journal = await alice.call("GET", `/v1/sessions/${session}/journal`);
  const events = journal.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_, at) => at),
  );
  for (const what of ["first", "second", "third"]) assert.match(journal.text, new RegExp(`read ${what}`));
  // A recording that leaves something out is found: here a chunk and its row are taken away.
  const before = await verifyHost(g);
  assert.equal(before.code, 0, before.stderr);
  const database = new DatabaseSync(join(g.folder, "state", "ihc.db"));
  database.prepare("delete from chunks where session = ?").run(session);
  database.close();
  const found = await verifyHost(g);
  assert.equal(found.code, 1);
  assert.match(found.stderr, new RegExp(`chunks ${session}/gateway/0 was removed`));
});

plays("api-recording-008", "close", async () => {
  const full = await startTestGateway({
    change: (config) => ({ ...config, recording: { free_space_floor: "1024TiB" } }),
  });
  try {
    const who = await full.person("alice", ["oncall"]);
    const refused = await who.call("POST", "/v1/sessions", { body: { target: "staging" } });
    assert.equal(refused.status, 503, "no room to record, no session");
  } finally {
    await full.stop();
  }
  // Files of this gateway may not grow beyond 900 KiB: its disk is full for the recording of the session that runs.
  const world = await startWorld({ gatewayShell: 'ulimit -f 900; exec "$@"' });
  try {
    await world.logIn("ana", "lee");
    const { client } = await world.connect("ana", { approver: "lee" });
    const { port, password } = client;
    const connection = new pg.Client({
      host: "127.0.0.1",
      port,
      user: "ihc",
      database: "app",
      password,
      ssl: false,
    });
    let cut = false;
    connection.on("error", () => {
      cut = true;
    });
    connection.on("end", () => {
      cut = true;
    });
    await connection.connect();
    const passed: number[] = [];
    for (let n = 0; n < 40 && !cut; n += 1)
      await connection.query(`select ${n} as n, '${"x".repeat(50_000)}' as padding`).then(
        () => passed.push(n),
        () => undefined,
      );
    await until(() => cut);
    assert.ok(passed.length > 0 && passed.length < 40, `${passed.length} statements ran`);
    const { process: gateway } = world.gatewayProcess();
    assert.equal(gateway?.exitCode, null, "the gateway itself goes on");
  } finally {
    await world.stop();
  }
});

plays("api-recording-011", "safe", async () => {
  const hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'";
  const cast = `{"version":3,"term":{"cols":80,"rows":24},"title":${JSON.stringify(hostile)}}\n[0,"o",${JSON.stringify(hostile)}]\n`;
  const server = await serveReplay({
    title: hostile,
    facts: [[hostile, hostile]],
    casts: [{ title: "", cast: cast }],
    log: [],
  });
  try {
    const page = await fetch(server.url);
    const html = await page.text();
    assert.ok(!html.includes("<script>alert") && !html.includes("<img"), html);
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'none'/);
    const scripts = /script-src ([^;]*)/.exec(policy)?.[1] ?? "";
    assert.ok(!scripts.includes("unsafe-inline") && !scripts.includes("'unsafe-eval'"), scripts);
    const cookie = page.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const recording = await fetch(new URL(castName(0), server.url), { headers: { cookie } });
    assert.equal(recording.headers.get("x-content-type-options"), "nosniff");
    assert.doesNotMatch(recording.headers.get("content-type") ?? "", /html/);
    assert.equal(await recording.text(), cast);
  } finally {
    await server.close();
  }
});

rate();
