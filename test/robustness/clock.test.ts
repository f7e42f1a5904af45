import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../src/base/clock.ts";
import { type Rig, startRig } from "./support/rig.ts";
import { until, within } from "./support/wait.ts";

const timeout = 60_000;
const hour = 3_600_000;

/** The wall clock, as far as an operator, NTP or a virtual machine have moved it; the other one never jumps. */
let shift = 0;
const clock: Clock = { now: () => new Date(Date.now() + shift), monotonic: () => performance.now() };

let rig: Rig;

before(async () => {
  rig = await startRig({ clock });
});
after(() => rig.stop());
afterEach(() => {
  shift = 0;
});

test("a clock that jumps past the end of a grant ends what runs under it at once", { timeout }, async (t) => {
  await rig.grant(hour);
  const session = await rig.session({ target: "prod" });
  const client = await session.connect();
  const failed = client.query("select pg_sleep(60), 'jump ahead'").catch((error: unknown) => error);
  await until(async () => (await rig.running("jump ahead")) === 1);
  shift = 2 * hour;
  const since = performance.now();
  const error = await within(5000, "the client hears of it", failed);
  await until(async () => (await rig.running("jump ahead")) === 0);
  const ms = performance.now() - since;
  t.diagnostic(`cut and cancelled ${ms.toFixed(0)} ms after the jump`);
  assert.ok(ms < 1000, `${ms} ms`);
  assert.ok(error instanceof Error);
  assert.match(error.message, /the grant has ended/);
});

test("a clock that is set back gives nobody more time than was granted", { timeout }, async (t) => {
  await rig.grant(2000);
  const session = await rig.session({ target: "prod" });
  const client = await session.connect();
  const since = performance.now();
  const failed = client.query("select pg_sleep(60), 'set back'").catch((error: unknown) => error);
  await until(async () => (await rig.running("set back")) === 1);
  shift = -hour;
  assert.ok((await within(10_000, "the client hears of it", failed)) instanceof Error);
  await until(async () => (await rig.running("set back")) === 0);
  const ms = performance.now() - since;
  t.diagnostic(`a grant of 2000 ms was over after ${ms.toFixed(0)} ms although the clock said an hour less`);
  assert.ok(ms < 3500, `${ms} ms`);
  await assert.rejects(session.connect());
});

test("an ended grant opens no new session when the clock is set back", { timeout }, async () => {
  const grant = await rig.grant(1500);
  const session = await rig.session({ target: "prod" });
  await until(
    async () => (await rig.admin.call("GET", `/v1/grants/${grant.id}`)).body["state"] === "expired",
  );
  shift = -hour;
  const again = await rig.ana.call("POST", "/v1/sessions", {
    body: { target: "prod", grant: grant.id, reason: "x" },
  });
  assert.ok(again.status >= 400, again.text);
  await assert.rejects(session.connect());
});

test("a pending request times out by a jump, and a late approval is refused", { timeout }, async () => {
  const filed = await rig.ana.call("POST", "/v1/requests", {
    body: { target: "prod", reason: "x", duration: hour },
  });
  shift = 2 * hour;
  await sleep(2500);
  shift = 0;
  await until(
    async () => (await rig.lee.call("GET", `/v1/requests/${filed.body["id"]}`)).body["state"] === "expired",
  );
  const late = await rig.lee.call("POST", `/v1/requests/${filed.body["id"]}/reviews`, {
    version: Number(filed.body["version"]),
    body: { answer: "approve", digest: filed.body["digest"] },
  });
  assert.equal(late.status, 409, late.text);
});

test("the recording and the audit log keep the order of things, whatever the clock says", {
  timeout,
}, async () => {
  const session = await rig.session();
  const client = await session.connect();
  for (const [n, jump] of [0, hour / 10, -hour / 10, 0].entries()) {
    shift = jump;
    await client.query(`select ${n} as step`);
  }
  await client.end();
  shift = 0;
  await rig.ana.call("POST", `/v1/sessions/${session.id}/end`, { body: {} });
  const journal = await rig.admin.call("GET", `/v1/sessions/${session.id}/journal`);
  const events = journal.text
    .trim()
    .split("\n")
    .map((line): { seq: number; at: string; event: { type: string; text?: string } } => JSON.parse(line));
  assert.deepEqual(
    events.map(({ seq }) => seq),
    events.map((_event, n) => n),
  );
  const asked = events.filter(({ event }) => event.type === "operation");
  assert.deepEqual(
    asked.map(({ event }) => event.text),
    [0, 1, 2, 3].map((n) => `select ${n} as step`),
  );
  const times = asked.map(({ at }) => Date.parse(at));
  assert.ok((times[2] ?? 0) < (times[1] ?? 0), "the events say what the clock said");
  const log = await rig.admin.call("GET", "/v1/audit/entries");
  assert.equal(log.status, 200, log.text);
});
