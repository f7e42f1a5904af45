import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Clock } from "../../src/base/clock.ts";
import { type Body, type Client, policy, startTestGateway, type TestGateway } from "./support/gateway.ts";
import { connected, opened, refusedWith, review, sessionId } from "./support/steps.ts";

const timeout = 30_000;

let shift = 0;
const clock: Clock = {
  now: () => new Date(Date.now() + shift),
  monotonic: () => performance.now(),
};

let g: TestGateway;
let ana: Client;
let lee: Client;
let kim: Client;

before(async () => {
  g = await startTestGateway({ clock });
  ana = await g.person("ana", ["oncall"]);
  lee = await g.person("lee", ["leads"]);
  kim = await g.person("kim", ["oncall"]);
});
after(() => g.stop());

async function approved(who: Client, target = "prod", duration = 3_600_000): Promise<Body> {
  const filed = await who.call("POST", "/v1/requests", { body: { target, reason: "INC-1", duration } });
  assert.equal(filed.status, 201, filed.text);
  return review(lee, String(filed.body["id"]));
}

test("a session needs an approved request, runs under it, and is recorded", { timeout }, async () => {
  const early = await ana.call("POST", "/v1/sessions", { body: { target: "prod" } });
  assert.equal(early.status, 403);
  assert.equal(early.body["code"], "denied");

  const request = await approved(ana);
  assert.equal(request["state"], "approved");
  const answer = await ana.call("POST", "/v1/sessions", {
    body: { target: "prod", grant: request["grant"], reason: "orders stuck" },
  });
  assert.equal(answer.status, 201, answer.text);
  assert.match(String(answer.body["secret"]), /^[A-Za-z0-9_-]{43}$/);
  const id = sessionId(answer.body);
  const lines = await connected(ana, id);
  assert.equal(await lines.ask("read a"), "ok read a");
  assert.equal(await lines.ask("destroy everything"), "no no-permit");

  const shown = await ana.call("GET", `/v1/sessions/${id}`);
  assert.equal(shown.body["connections"], 1);
  lines.end.stream.end();
  await lines.end.ended;
  const ended = await ana.call("POST", `/v1/sessions/${id}/end`, { body: {} });
  assert.equal(ended.body["state"], "ended");
  assert.equal(ended.body["complete"], true);

  const journal = await ana.call("GET", `/v1/sessions/${id}/journal`);
  const events = journal.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  assert.deepEqual(
    events.map((event) => event.type),
    ["session", "connection", "operation", "verdict", "operation", "verdict", "connection", "end"],
  );
  assert.equal(events[0].person, "ana@acme.io");
  assert.deepEqual(events[0].approvedBy, ["lee@acme.io"]);
  assert.ok(!journal.text.includes(String(answer.body["secret"])));
});

test("the secret is not kept: neither the store's view nor a second answer holds it", {
  timeout,
}, async () => {
  const id = await opened(ana, "staging");
  const again = await ana.call("GET", `/v1/sessions/${id}`);
  assert.equal(again.body["secret"], undefined);
  assert.ok(!/secret|salt|Key/.test(again.text));
});

test("nobody else enters a session: not the reviewer, not an admin, not another login of the same person", {
  timeout,
}, async () => {
  const id = await opened(ana, "staging");
  const admin = await g.person("sam", ["admins", "oncall"]);
  const otherLaptop = await g.person("ana", ["oncall"]);
  for (const who of [lee, kim, admin, otherLaptop])
    await assert.rejects(who.tunnel(id), refusedWith("not-found"));
  await assert.rejects(ana.tunnel("ses_AAAAAAAAAAAA"), refusedWith("not-found"));
});

test("a reviewer cannot open a session on what they approved, nor can another laptop", {
  timeout,
}, async () => {
  const request = await approved(ana);
  const grant = request["grant"];
  for (const who of [lee, kim]) {
    const answer = await who.call("POST", "/v1/sessions", { body: { target: "prod", grant } });
    assert.ok([403, 404].includes(answer.status), answer.text);
  }
  const otherLaptop = await g.person("ana", ["oncall"]);
  const answer = await otherLaptop.call("POST", "/v1/sessions", { body: { target: "prod", grant } });
  assert.equal(answer.status, 403);
  assert.equal(answer.body["rule"], "grant-key");
});

test("revoking cuts live connections within a second and says who did it", { timeout }, async () => {
  const request = await approved(ana);
  const opening = await ana.call("POST", "/v1/sessions", {
    body: { target: "prod", grant: request["grant"], reason: "r" },
  });
  const lines = await connected(ana, sessionId(opening.body));
  assert.equal(await lines.ask("read a"), "ok read a");
  const started = performance.now();
  const revoked = await lee.call("POST", `/v1/grants/${request["grant"]}/revoke`, { version: 1, body: {} });
  assert.equal(revoked.status, 200, revoked.text);
  assert.match((await lines.end.ended) ?? "", /revoked by lee@acme\.io/);
  assert.ok(performance.now() - started < 1000);
  const again = await lee.call("POST", `/v1/grants/${request["grant"]}/revoke`, { version: 1, body: {} });
  assert.equal(again.status, 409);
  await assert.rejects(ana.tunnel(sessionId(opening.body)), refusedWith("not-found"));
});

test("a grant that runs out cuts its connections, also when the clock jumps", { timeout }, async () => {
  const short = await approved(ana, "prod", 1500);
  const opening = await ana.call("POST", "/v1/sessions", {
    body: { target: "prod", grant: short["grant"], reason: "r" },
  });
  const lines = await connected(ana, sessionId(opening.body));
  assert.equal(await lines.ask("read a"), "ok read a");
  assert.match((await lines.end.ended) ?? "", /the grant has ended/);

  const long = await approved(ana);
  const second = await ana.call("POST", "/v1/sessions", {
    body: { target: "prod", grant: long["grant"], reason: "r" },
  });
  const more = await connected(ana, sessionId(second.body));
  assert.equal(await more.ask("read a"), "ok read a");
  const jumped = performance.now();
  shift = 3_700_000;
  try {
    assert.match((await more.end.ended) ?? "", /the grant has ended/);
    assert.ok(performance.now() - jumped < 1000);
  } finally {
    shift = 0;
  }
});

test("a held operation waits for its reviewer, runs once, and other connections go on", {
  timeout,
}, async () => {
  await approved(ana);
  const id = await opened(ana);
  const [held, other] = [await connected(ana, id), await connected(ana, id)];
  const [, request = ""] = /^held (req_\w+)$/.exec(await held.ask("write 4111111111111111")) ?? [];
  assert.equal(await other.ask("read b"), "ok read b");

  const shown = await lee.call("GET", `/v1/requests/${request}`);
  assert.equal(shown.body["kind"], "operation");
  assert.match(shown.text, /write 4111111111111111/);
  const stranger = await kim.call("GET", `/v1/requests/${request}`);
  assert.equal(stranger.status, 404);
  const own = await ana.call("POST", `/v1/requests/${request}/reviews`, {
    version: 1,
    body: { answer: "approve", digest: shown.body["digest"] },
  });
  assert.equal(own.status, 403);
  assert.equal(own.body["rule"], "own-request");

  await review(lee, request);
  assert.equal(await held.next(), "ok write 4111111111111111");
  const kept = await lee.call("GET", `/v1/requests/${request}`);
  assert.equal(kept.body["state"], "used");
  assert.doesNotMatch(kept.text, /4111111111111111/, "the exact statement is not kept after the decision");
});

test("a held operation that is denied or whose client goes away never runs", { timeout }, async () => {
  await approved(ana);
  const id = await opened(ana);
  const lines = await connected(ana, id);
  const [, first = ""] = /^held (req_\w+)$/.exec(await lines.ask("write x")) ?? [];
  await review(lee, first, "deny");
  assert.equal(await lines.next(), "no writes-need-a-lead");

  const [, second = ""] = /^held (req_\w+)$/.exec(await lines.ask("write y")) ?? [];
  lines.end.stream.destroy();
  const gone = await lee.call("GET", `/v1/requests/${second}?wait=10`);
  assert.equal(gone.body["state"], "canceled");
});

test("a policy that is changed applies to running sessions at once; an invalid one is refused", {
  timeout,
}, async () => {
  const id = await opened(ana, "staging");
  const lines = await connected(ana, id);
  assert.equal(await lines.ask("read a"), "ok read a");

  await g.writePolicy("permit (principal, action, resource");
  const problem = await g.gateway.reload();
  assert.equal(problem?.code, "config");
  assert.equal(await lines.ask("read a"), "ok read a");
  assert.match(g.log(), /the new configuration was refused/);

  await g.writePolicy(policy.replace('@id("staging-is-open")', '@id("staging-was-open") @grant("leads")'));
  assert.match((await lines.end.ended) ?? "", /policy asks for a grant now/);
  await g.writePolicy(policy);
  assert.equal(await g.gateway.reload(), undefined);
});

test("a target that is taken away closes its sessions", { timeout }, async () => {
  const lines = await connected(ana, await opened(ana, "staging"));
  assert.equal(await lines.ask("read a"), "ok read a");
  await g.writeConfig((config) => ({ ...config, targets: { prod: config.targets.prod } }));
  assert.match((await lines.end.ended) ?? "", /target was taken away/);
  await g.writeConfig((config) => config);
  assert.equal(await g.gateway.reload(), undefined);
});

test("a newer token without the group ends the person's sessions", { timeout }, async () => {
  const before = { iat: Math.floor(Date.now() / 1000) - 30 };
  const eve = await g.person("eve", ["oncall"], before);
  const lines = await connected(eve, await opened(eve, "staging"));
  assert.equal(await lines.ask("read a"), "ok read a");
  const left = await g.person("eve", []);
  assert.equal((await left.call("GET", "/v1/whoami")).status, 200);
  assert.match((await lines.end.ended) ?? "", /policy does not allow it any more/);
});

test("a grant is of no use once its reviewer has lost the group", { timeout }, async () => {
  const past = { iat: Math.floor(Date.now() / 1000) - 30 };
  const lou = await g.person("lou", ["leads"], past);
  const filed = await kim.call("POST", "/v1/requests", { body: { target: "prod", reason: "r" } });
  const request = await review(lou, String(filed.body["id"]));
  const left = await g.person("lou", []);
  assert.equal((await left.call("GET", "/v1/whoami")).status, 200);
  const answer = await kim.call("POST", "/v1/sessions", {
    body: { target: "prod", grant: request["grant"] },
  });
  assert.equal(answer.status, 403);
  assert.equal(answer.body["rule"], "reviewer-left");
});

test("a session ends only for its owner and for admins", { timeout }, async () => {
  const id = await opened(ana, "staging");
  assert.equal((await kim.call("POST", `/v1/sessions/${id}/kill`, { body: {} })).status, 404);
  const auditor = await g.person("max", ["auditors"]);
  assert.equal((await auditor.call("POST", `/v1/sessions/${id}/kill`, { body: {} })).status, 403);
  const admin = await g.person("sam", ["admins"]);
  const killed = await admin.call("POST", `/v1/sessions/${id}/kill`, { body: {} });
  assert.equal(killed.status, 200, killed.text);
  assert.equal(killed.body["end_reason"], "ended by sam@acme.io");
});

test("replays are on record before a byte leaves", { timeout }, async () => {
  const id = await opened(ana, "staging");
  const auditor = await g.person("max", ["auditors"]);
  assert.equal((await kim.call("GET", `/v1/sessions/${id}/journal`)).status, 404);
  assert.equal((await auditor.call("GET", `/v1/sessions/${id}/journal`)).status, 200);
  const log = await auditor.call("GET", "/v1/audit/entries");
  const { leaves } = log.body;
  assert.ok(Array.isArray(leaves));
  const entry = leaves
    .map((leaf) => JSON.parse(String(leaf)))
    .find((e) => e.kind === "session.replayed" && e.detail.session === id);
  assert.equal(entry.actor, "max@acme.io");
  assert.equal((await kim.call("GET", "/v1/audit/entries")).status, 403);
});

test("an orderly stop tells the clients, seals the recordings and a start finds nothing open", {
  timeout,
}, async () => {
  const id = await opened(ana, "staging");
  const lines = await connected(ana, id);
  assert.equal(await lines.ask("read a"), "ok read a");
  const over = lines.end.ended;
  await g.restart();
  assert.equal(await over, "the gateway is stopping");
  const after = await ana.call("GET", `/v1/sessions/${id}`);
  assert.equal(after.body["state"], "ended");
  assert.equal(after.body["complete"], true);
});
