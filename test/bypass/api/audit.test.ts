import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before } from "node:test";
import { verifyLog } from "../../../src/core/audit/verify.ts";
import { type Client, startTestGateway, type TestGateway } from "../../gateway/support/gateway.ts";
import { runCli } from "../../support/cli.ts";
import { verifyHost } from "./support/host.ts";
import { playsOf } from "./support/plays.ts";
import { entries, filed, until } from "./support/scene.ts";

const { plays, rate } = playsOf("audit");

const home = mkdtempSync(join(tmpdir(), "ihc-audit-"));
const witness = join(home, "witness");

let shift = 0;
const clock = { now: () => new Date(Date.now() + shift), monotonic: () => performance.now() };

let g: TestGateway;
let alice: Client;
let max: Client;

before(async () => {
  g = await startTestGateway({
    clock,
    change: (config) => ({ ...config, audit: { origin: "ihc.test", witness } }),
  });
  alice = await g.person("alice", ["oncall"]);
  max = await g.person("max", ["auditors"]);
  for (let n = 0; n < 15; n += 1) await filed(alice);
  await max.call("GET", "/v1/audit/checkpoint");
});
after(async () => {
  await g.stop();
  rmSync(home, { recursive: true, force: true });
});

/** What the DBA of the case does to the database, on a copy of the state; then what verification on the host says. */
async function tampered(change: (database: DatabaseSync) => void): Promise<string> {
  await max.call("GET", "/v1/audit/checkpoint");
  const folder = mkdtempSync(join(tmpdir(), "ihc-tampered-"));
  try {
    cpSync(join(g.folder, "policy"), join(folder, "policy"), { recursive: true });
    mkdirSync(join(folder, "state"), { mode: 0o700 });
    copyState(join(g.folder, "state"), join(folder, "state"));
    const audit = { audit: { origin: "ihc.test", witness } };
    const untouched = await verifyHost({ folder, idp: g.idp }, audit);
    assert.equal(untouched.code, 0, untouched.stderr);
    const database = new DatabaseSync(join(folder, "state", "ihc.db"));
    change(database);
    database.close();
    const found = await verifyHost({ folder, idp: g.idp }, audit);
    assert.equal(found.code, 1, found.stdout + found.stderr);
    return found.stderr;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A whole copy: the database by SQLite's own means, because the gateway is writing to it. */
function copyState(from: string, to: string): void {
  for (const name of ["log.key", "mask.key", "journals"])
    cpSync(join(from, name), join(to, name), { recursive: true, filter: (path) => !path.endsWith("lock") });
  const source = new DatabaseSync(join(from, "ihc.db"), { readOnly: true });
  source.exec(`vacuum into '${join(to, "ihc.db")}'`);
  source.close();
}

plays("audit-002", "alert", async () => {
  const cut = (database: DatabaseSync): number => {
    const { size } = database.prepare("select size from audit_head").get() as { size: number };
    database.prepare("delete from audit_leaves where idx >= ?").run(size - 10);
    return size;
  };
  const said = await tampered(cut);
  assert.match(said, /from entry \d+ on they are missing/);
  // One who also puts back an old signed head, which the database's backups hold, is found by the witness.
  const old = notes(readFileSync(witness, "utf8"))[2] ?? "";
  const oldSize = Number(old.split("\n")[1]);
  const clever = await tampered((database) => {
    database.prepare("delete from audit_leaves where idx >= ?").run(oldSize);
    database.prepare("update audit_head set size = ?, checkpoint = ?").run(oldSize, old);
  });
  assert.match(clever, new RegExp(`the log had \\d+ entries before and now has ${oldSize}`));
});

plays("audit-003", "alert", async () => {
  const backup = join(home, "backup");
  mkdirSync(backup);
  await max.call("GET", "/v1/audit/checkpoint");
  copyState(join(g.folder, "state"), backup);
  const seen = (await max.call("GET", "/v1/audit/checkpoint")).text;
  for (let n = 0; n < 5; n += 1) await filed(alice);
  const later = (await max.call("GET", "/v1/audit/checkpoint")).text;
  assert.ok(Number(later.split("\n")[1]) > Number(seen.split("\n")[1]));
  const state = join(g.folder, "state");
  await g.gateway.stop();
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(state, `ihc.db${suffix}`), { force: true });
  renameSync(join(state, "log.key"), join(home, "log.key"));
  cpSync(join(backup, "ihc.db"), join(state, "ihc.db"));
  cpSync(join(backup, "log.key"), join(state, "log.key"));
  // The gateway refuses to go on from there, because its witness has seen more.
  await assert.rejects(g.restart(), /its witness saw/);
  const verified = await verifyHost(g, { audit: { origin: "ihc.test", witness } });
  assert.equal(verified.code, 1);
  assert.match(verified.stderr, /the log had \d+ entries before and now has \d+/);
  // Without a witness, whoever remembers the last head they saw finds it: ihc audit verify does so by itself.
  renameSync(witness, join(home, "lost-witness"));
  await g.restart();
  max = await g.person("max", ["auditors"]);
  alice = await g.person("alice", ["oncall"]);
  const key = (await max.call("GET", "/v1/audit/key")).text.trim();
  const now = (await max.call("GET", "/v1/audit/checkpoint")).text;
  const leaves = (await entries(max)).length;
  const { problems } = verifyLog({ leaves: await allLeaves(leaves), checkpoint: now }, key, [later]);
  assert.ok(
    problems.some(({ kind }) => kind === "rollback" || kind === "fork"),
    JSON.stringify(problems),
  );
});

plays("audit-005", "alert", async () => {
  const said = await tampered((database) => {
    const at = (idx: number) =>
      String(
        (database.prepare("select leaf from audit_leaves where idx = ?").get(idx) as { leaf: string }).leaf,
      );
    const [two, three] = [at(2), at(3)];
    const put = database.prepare("update audit_leaves set leaf = ? where idx = ?");
    put.run(three, 2);
    put.run(two, 3);
  });
  assert.match(said, /entry 2 says that it is entry 3/);
  assert.match(said, /entry 3 says that it is entry 2/);
});

plays("audit-010", "alert", async () => {
  const said = await tampered((database) => {
    const row = database.prepare("select leaf from audit_leaves where idx = 4").get() as { leaf: string };
    const leaf = row.leaf.replace(
      /("at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.)(\d)/,
      (_, head, digit) => `${head}${(Number(digit) + 1) % 10}`,
    );
    assert.notEqual(leaf, row.leaf);
    database.prepare("update audit_leaves set leaf = ? where idx = 4").run(leaf);
  });
  assert.match(said, /entry 4 was changed/);
});

plays("audit-014", "safe", async () => {
  const state = join(g.folder, "state", "ihc.db");
  const before = (await entries(max)).length;
  const database = new DatabaseSync(state, { timeout: 5000 });
  // The write of the head fails after the rows are written, again and again, as if the machine went down between the two.
  database.exec("create trigger crash before update on audit_head begin select raise(abort, 'crash'); end");
  await filed(alice);
  const failing = await max.call("GET", "/v1/audit/checkpoint");
  assert.equal(failing.status, 503, "no head, no answer");
  const { last } = database.prepare("select max(idx) as last from audit_leaves").get() as { last: number };
  assert.equal(last + 1, before, "rows without a head do not stay");
  database.exec("drop trigger crash");
  await until(async () => (await max.call("GET", "/v1/audit/checkpoint")).status === 200);
  assert.ok((await entries(max)).length > before, "what waited has its place now, once");
  const healthy = await verifyHost(g, { audit: { origin: "ihc.test" } });
  assert.equal(healthy.code, 0, healthy.stderr);
  // A store that can tear a transaction, or somebody's hand, leaves a row beyond the head: told at the start, never built on.
  await g.gateway.stop();
  database.prepare("insert into audit_leaves (idx, leaf) select max(idx) + 1, leaf from audit_leaves").run();
  await assert.rejects(g.restart(), /entries and a checkpoint for/);
  database.exec("delete from audit_leaves where idx = (select max(idx) from audit_leaves)");
  database.close();
  await g.restart();
  max = await g.person("max", ["auditors"]);
  alice = await g.person("alice", ["oncall"]);
});

plays("audit-019", "allow", async () => {
  const exported = join(home, "export.json");
  const key = (await max.call("GET", "/v1/audit/key")).text.trim();
  const checkpoint = (await max.call("GET", "/v1/audit/checkpoint")).text;
  const leaves = await allLeaves(Number(checkpoint.split("\n")[1]));
  const log = { format: "ihc-audit-1", verifier: key, checkpoint, leaves };
  writeFileSync(exported, JSON.stringify(log));
  const outsider = { env: { HOME: join(home, "outsider"), XDG_RUNTIME_DIR: join(home, "outsider") } };
  const good = await runCli(["audit", "verify", exported, "--key", key], outsider);
  assert.equal(good.code, 0, good.stderr);
  const changed = { ...log, leaves: leaves.with(3, (leaves[3] ?? "").replace("alice", "carol")) };
  writeFileSync(exported, JSON.stringify(changed));
  assert.equal((await runCli(["audit", "verify", exported, "--key", key], outsider)).code, 1);
  const { stdout } = await runCli(
    ["audit", "verify", exported, "--key", `${key.slice(0, -4)}AAA=`, "--json"],
    outsider,
  );
  assert.doesNotMatch(stdout, /"ok":true/);
});

plays("audit-021", "safe", async () => {
  const first = await filed(alice);
  shift = -30_000;
  const second = await filed(alice);
  shift = 0;
  const third = await filed(alice);
  const all = await entries(max);
  const made = [first, second, third].map((id) => all.find((e) => e.detail["request"] === id));
  const [a, b, c] = made.map((entry) => entry?.index ?? -1);
  assert.ok(
    a !== undefined && b !== undefined && c !== undefined && a >= 0 && a < b && b < c,
    "in the order they came",
  );
  const [t1 = "", t2 = ""] = made.map((entry) => entry?.at ?? "");
  assert.ok(t2 < t1, "although the clock ran backwards");
  assert.deepEqual(
    all.map(({ index }) => index),
    all.map((_, at) => at),
  );
  const healthy = await verifyHost(g, { audit: { origin: "ihc.test" } });
  assert.equal(healthy.code, 0, healthy.stderr);
});

rate();

async function allLeaves(size: number): Promise<string[]> {
  const leaves: string[] = [];
  while (leaves.length < size) {
    const page = (await max.call("GET", `/v1/audit/entries?from=${leaves.length}&to=${size}`)).body["leaves"];
    assert.ok(Array.isArray(page) && page.length > 0);
    leaves.push(...page.map(String));
  }
  return leaves;
}

/** The notes of a witness file. */
function notes(text: string): readonly string[] {
  const parts = text.split("\n\n").filter((part) => part !== "");
  return parts.flatMap((part, at) => (at % 2 === 0 ? [`${part}\n\n${parts[at + 1]}\n`] : []));
}
