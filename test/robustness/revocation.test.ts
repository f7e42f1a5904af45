import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { client } from "../gateway/support/gateway.ts";
import { accessToken } from "../gateway/support/tokens.ts";
import { grantPolicy, openPolicy, type Rig, type RigClient, startRig, targets } from "./support/rig.ts";
import { startStalled } from "./support/stalled.ts";
import { until, within } from "./support/wait.ts";

const timeout = 60_000;
/** The contract: sockets cut and running work cancelled within one second. */
const promise = 1000;
const policy = openPolicy + grantPolicy;
const big = "select repeat('x', 1000) as wide from generate_series(1, 300000)";

let rig: Rig;

before(async () => {
  rig = await startRig({ policy });
});
after(() => rig.stop());

interface Ending {
  readonly name: string;
  readonly target?: string;
  readonly end: (session: string, grant: string) => Promise<unknown>;
  readonly undo?: () => Promise<unknown>;
  readonly says: RegExp;
}

const endings: readonly Ending[] = [
  {
    name: "an admin who revokes the grant",
    end: (_session, grant) => change(rig.admin, `/v1/grants/${grant}/revoke`),
    says: /revoked by sam@acme\.io/,
  },
  {
    name: "an admin who kills the session",
    end: (session) => change(rig.admin, `/v1/sessions/${session}/kill`),
    says: /ended by sam@acme\.io/,
  },
  {
    name: "a policy without the person's permit",
    end: () => policyIs(openPolicy),
    undo: () => policyIs(policy),
    says: /policy does not allow it any more/,
  },
  {
    name: "a configuration without the target",
    end: () => targetsAre(({ open }) => ({ open })),
    undo: () => targetsAre((all) => all),
    says: /the target was taken away/,
  },
  {
    name: "a token without the group",
    end: async () => {
      await seenWith(["interns"]);
    },
    undo: async () => {
      await seenWith(["oncall"]);
    },
    says: /policy does not allow it any more|has ended/,
  },
];

/** The gateway sees a newer token of ana's, with those groups; its time counts in whole seconds. */
async function seenWith(groups: readonly string[]): Promise<void> {
  later += 1;
  const iat = Math.floor(Date.now() / 1000) + later;
  const token = await accessToken(rig.gateway.idp, rig.ana.holder, { groups, iat });
  const refreshed = client(() => rig.gateway.url, rig.ana.holder, token);
  assert.equal((await refreshed.call("GET", "/v1/targets")).status, 200);
}
let later = 0;

for (const { name, end, undo, says } of endings)
  test(`${name} ends the session and what runs in it within a second`, { timeout }, async (t) => {
    const grant = await rig.grant();
    const session = await rig.session({ target: "prod" });
    const clients = [await session.connect(), await session.connect()];
    const [sleeper, idle] = clients as [RigClient, RigClient];
    const failed = sleeper.query("select pg_sleep(60), 'ended by somebody'").catch((error: unknown) => error);
    await until(async () => (await rig.running("ended by somebody")) === 1);
    const since = performance.now();
    await end(session.id, grant.id);
    const decided = performance.now();
    const error = await within(5000, "the client hears of it", failed);
    await within(5000, "the idle client hears of it", idle.cut);
    await until(async () => (await rig.running("ended by somebody")) === 0);
    const ms = performance.now() - decided;
    t.diagnostic(
      `${name}: cut and cancelled after ${ms.toFixed(0)} ms (${(decided - since).toFixed(0)} ms to decide)`,
    );
    assert.ok(ms < promise, `${ms} ms`);
    assert.ok(error instanceof Error && "code" in error && error.code === "57P01", String(error));
    assert.match(error.message, says);
    await assert.rejects(session.connect());
    await undo?.();
    await freed(session.id);
  });

test("a revocation cuts fifty connections of one session and cancels all of their queries", {
  timeout,
}, async (t) => {
  const grant = await rig.grant();
  const session = await rig.session({ target: "prod" });
  const clients = await Promise.all(Array.from({ length: 50 }, () => session.connect()));
  const failures = clients.map((client) =>
    client.query("select pg_sleep(60), 'one of fifty'").catch((error: unknown) => error),
  );
  await until(async () => (await rig.running("one of fifty")) === 50);
  const since = performance.now();
  await change(rig.admin, `/v1/grants/${grant.id}/revoke`);
  for (const error of await within(10_000, "all hear of it", Promise.all(failures)))
    assert.ok(error instanceof Error);
  await until(async () => (await rig.running("one of fifty")) === 0);
  const ms = performance.now() - since;
  t.diagnostic(`50 connections cut and cancelled after ${ms.toFixed(0)} ms`);
  assert.ok(ms < promise, `${ms} ms`);
  await freed(session.id);
});

const bulk = [
  { name: "a big result", sql: big },
  { name: "COPY to the client", sql: `copy (${big}) to stdout` },
];
for (const { name, sql } of bulk)
  test(`a revocation ends ${name} to a client that does not read`, { timeout }, async (t) => {
    const grant = await rig.grant();
    const session = await rig.session({ target: "prod" });
    const stalled = await startStalled(session, sql);
    await until(async () => (await rig.owner(writing(session.id))) === "1");
    const since = performance.now();
    await change(rig.admin, `/v1/grants/${grant.id}/revoke`);
    await until(async () => (await rig.owner(backends(session.id))) === "0");
    const ms = performance.now() - since;
    t.diagnostic(`${name} to a stalled client was ended after ${ms.toFixed(0)} ms`);
    assert.ok(ms < promise, `${ms} ms`);
    stalled.socket.resume();
    await within(5000, "the client is cut", stalled.closed);
    await freed(session.id);
  });

test("a revocation in the middle of COPY from the client keeps nothing of it", { timeout }, async () => {
  const grant = await rig.grant();
  const session = await rig.session({ target: "prod" });
  const stalled = await startStalled(session, "copy marks from stdin");
  stalled.socket.resume();
  await until(async () => (await rig.owner(writing(session.id))) === "1");
  const row = Buffer.from("4711\thalf\n");
  const head = Buffer.from([0x64, 0, 0, 0, row.length + 4]);
  stalled.socket.write(Buffer.concat([head, row]));
  await change(rig.admin, `/v1/grants/${grant.id}/revoke`);
  await within(5000, "the client is cut", stalled.closed);
  await until(async () => (await rig.owner(backends(session.id))) === "0");
  assert.equal(await rig.owner("select count(*) from marks"), "0");
  await freed(session.id);
});

test("a grant that expires ends a stalled result too", { timeout }, async (t) => {
  await rig.grant(2000);
  const since = performance.now();
  const session = await rig.session({ target: "prod" });
  const stalled = await startStalled(session, big);
  await until(async () => (await rig.owner(backends(session.id))) === "0");
  const ms = performance.now() - since;
  t.diagnostic(`a grant of 2000 ms was over after ${ms.toFixed(0)} ms`);
  assert.ok(ms < 2000 + promise, `${ms} ms`);
  stalled.socket.resume();
  await within(5000, "the client is cut", stalled.closed);
  await freed(session.id);
});

/** The session has come to a complete recording, and its connections are gone. */
async function freed(session: string): Promise<void> {
  const shown = await rig.admin.call("GET", `/v1/sessions/${session}`);
  if (shown.body["state"] !== "ended")
    await until(
      async () => (await rig.admin.call("GET", `/v1/sessions/${session}`)).body["state"] === "ended",
    );
  const { body } = await rig.admin.call("GET", `/v1/sessions/${session}`);
  assert.equal(body["complete"], true);
  assert.equal(await rig.owner(backends(session)), "0");
}

async function change(who: Rig["ana"], path: string): Promise<void> {
  const answer = await who.call("POST", path, { version: 1, body: {} });
  assert.equal(answer.status, 200, answer.text);
}

async function policyIs(text: string): Promise<void> {
  await rig.gateway.writePolicy(text);
  assert.equal(await rig.gateway.gateway.reload(), undefined);
}

type Targets = ReturnType<typeof targets>["targets"];

async function targetsAre(pick: (all: Targets) => object): Promise<void> {
  await rig.gateway.writeConfig((config) => ({
    ...config,
    targets: pick(targets(rig.postgres, {}).targets),
  }));
  assert.equal(await rig.gateway.gateway.reload(), undefined);
}

function backends(session: string): string {
  return `select count(*) from pg_stat_activity where application_name like '%${session}%'`;
}

function writing(session: string): string {
  return `${backends(session)} and wait_event in ('ClientWrite', 'ClientRead') and state = 'active'`;
}
