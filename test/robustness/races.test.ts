import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../src/demo/gateway.ts";
import type { Person } from "../../src/demo/people.ts";
import type { Running } from "../../src/demo/run.ts";
import { startWorld, type World } from "../support/world.ts";

const timeout = 90_000;
const cast: readonly Person[] = [
  { id: "ana", email: "ana@acme.io", title: "responder", groups: ["oncall"] },
  { id: "lee", email: "lee@acme.io", title: "reviewer", groups: ["sre-leads"] },
  { id: "kim", email: "kim@acme.io", title: "reviewer", groups: ["sre-leads"] },
  { id: "sam", email: "sam@acme.io", title: "admin", groups: ["auditors", "platform-admins"] },
];
/** Seconds. The CLI renews a token before it ends, so any command after that finds it due. */
const tokenLife = 12;

let world: World;

before(async () => {
  world = await startWorld({
    people: cast,
    accessTokenLife: tokenLife,
    change: (configuration) => ({ ...configuration, requests: { ttl: "15s" } }),
  });
  for (const { id } of cast) await world.logIn(id);
});
after(() => world.stop());
afterEach(async () => {
  const shown = await world.does("sam", ["grants", "--json"]);
  for (const { id, state } of itemsOf(shown))
    if (state === "active") await world.as("sam", "revoke", id).ended();
});

const contests: readonly {
  readonly name: string;
  readonly rivals: readonly [Rival, Rival];
  readonly wins: (winner: number) => string;
}[] = [
  {
    name: "two reviewers who approve at once",
    rivals: [answers("lee", "approve"), answers("kim", "approve")],
    wins: () => "approved",
  },
  {
    name: "an approval against a denial",
    rivals: [answers("lee", "approve"), answers("kim", "deny")],
    wins: (n) => (n === 0 ? "approved" : "denied"),
  },
  {
    name: "an approval against the requester's cancel",
    rivals: [answers("lee", "approve"), cancels],
    wins: (n) => (n === 0 ? "approved" : "canceled"),
  },
];

type Rival = (request: Filed) => Running;
interface Filed {
  readonly id: string;
  readonly digest: string;
  readonly expires_at: string;
}

for (const { name, rivals, wins } of contests)
  test(`${name}: exactly one wins, and the other is told who did`, { timeout }, async () => {
    const filed = await file();
    const both = rivals.map((rival) => rival(filed));
    const codes = await Promise.all(both.map((running) => running.ended()));
    const winners = codes.flatMap((code, at) => (code === 0 ? [at] : []));
    assert.equal(winners.length, 1, both.map((running) => running.output()).join("\n"));
    const [winner = 0] = winners;
    const loser = both[1 - winner];
    assert.equal(await stateOf(filed.id), wins(winner));
    const who =
      winner === 0 ? "lee@acme.io" : name.includes("cancel") ? "ana@acme.io|canceled" : "kim@acme.io";
    assert.match(loser?.stderr() ?? "", new RegExp(`ihc: error: .*(${who})`), "the message names the winner");
    assert.match(loser?.stderr() ?? "", /ihc: hint: /);
    assert.equal(await grantsOf(filed.id), wins(winner) === "approved" ? 1 : 0);
  });

test("an approval that comes with the time-out either wins or is told that it came too late", {
  timeout,
}, async () => {
  const filed = await file();
  // A command takes about half a second to reach the gateway.
  await sleep(Math.max(0, Date.parse(filed.expires_at) - Date.now() - 500));
  const late = answers("lee", "approve")(filed);
  const code = await late.ended();
  const state = await stateOf(filed.id);
  if (code === 0) assert.equal(state, "approved");
  else {
    assert.equal(state, "expired");
    assert.match(late.stderr(), /ihc: error: .*(timed out|expired)/);
  }
  assert.equal(await grantsOf(filed.id), code === 0 ? 1 : 0);
});

test("a grant is revoked once; who comes second is told who was first", { timeout }, async () => {
  const filed = await file();
  assert.equal(await answers("lee", "approve")(filed).ended(), 0);
  const shown = await world.does("ana", ["grants", "--mine", "--json"]);
  const grant = itemsOf(shown).find(({ state }) => state === "active")?.id ?? "";
  const both = [world.as("lee", "revoke", grant), world.as("sam", "revoke", grant)];
  const codes = await Promise.all(both.map((running) => running.ended()));
  assert.deepEqual(codes.toSorted(), [0, 1], both.map((running) => running.output()).join("\n"));
  const [first, second] = codes[0] === 0 ? ["lee", both[1]] : ["sam", both[0]];
  assert.match(second?.stderr() ?? "", new RegExp(`ihc: error: .*revoked by ${first}@acme\\.io`));
  const third = world.as("sam", "revoke", grant);
  assert.notEqual(await third.ended(), 0);
});

test("of two connections for the same port one stands, and the other says who has it", {
  timeout,
}, async () => {
  const filed = await file();
  assert.equal(await answers("lee", "approve")(filed).ended(), 0);
  const port = String(await freePort());
  const args = ["connect", "prod-db", "--reason", "x", "--port", port];
  const both = [world.as("ana", ...args), world.as("ana", ...args)];
  const loser = await Promise.race(both.map(async (running) => ({ running, code: await running.ended() })));
  assert.equal(loser.code, 1);
  assert.match(loser.running.stderr(), new RegExp(`ihc: error: .*port ${port}.* is taken`));
  assert.match(loser.running.stderr(), /ihc: hint: .*ihc status/);
  const winner = both.find((running) => running !== loser.running);
  await winner?.until(/127\.0\.0\.1:\d+/);
  await winner?.end("SIGINT");
  const sessions = await world.does("ana", ["sessions", "--json"]);
  assert.deepEqual(
    itemsOf(sessions).filter(({ state }) => state === "open"),
    [],
    "the loser left no session open",
  );
});

test("ten commands at once with an expired token renew it once", { timeout }, async (t) => {
  await world.does("kim", ["whoami"]);
  const before = world.idp.issued.get("refresh_token") ?? 0;
  await sleep(tokenLife * 1000);
  const others = world.idp.issued.get("refresh_token") ?? 0;
  const ten = Array.from({ length: 10 }, () => world.as("kim", "whoami"));
  const codes = await Promise.all(ten.map((running) => running.ended(60_000)));
  assert.deepEqual(
    codes,
    Array.from({ length: 10 }, () => 0),
    ten.map((running) => running.output()).join("\n"),
  );
  const renewed = (world.idp.issued.get("refresh_token") ?? 0) - others;
  t.diagnostic(`${renewed} refresh for ten commands (${others - before} by others meanwhile)`);
  assert.equal(renewed, 1);
});

function answers(person: string, answer: "approve" | "deny"): Rival {
  return ({ id, digest }) => world.as(person, answer, id, "--yes", "--digest", digest);
}

function cancels({ id }: Filed): Running {
  return world.as("ana", "cancel", id);
}

async function file(): Promise<Filed> {
  const filed = world.as("ana", "request", "prod-db", "--reason", "a race", "--json");
  await filed.ended();
  const [id = ""] = /req_[0-9A-Z]+/.exec(filed.output()) ?? [];
  const shown = await world.does("lee", ["requests", id, "--json"]);
  const { request } = JSON.parse(shown.stdout()) as { request: Filed };
  return { ...request, id };
}

async function stateOf(id: string): Promise<string> {
  const shown = await world.does("lee", ["requests", id, "--json"]);
  const { request } = JSON.parse(shown.stdout()) as { request: { state: string } };
  return request.state;
}

async function grantsOf(request: string): Promise<number> {
  const shown = await world.does("sam", ["grants", "--json"]);
  return itemsOf(shown).filter((grant) => grant.request === request).length;
}

function itemsOf(running: Running): { id: string; state: string; request?: string }[] {
  const { items } = JSON.parse(running.stdout()) as {
    items: { id: string; state: string; request?: string }[];
  };
  return items;
}
