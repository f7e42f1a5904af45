import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, startTestGateway, type TestGateway } from "./support/gateway.ts";

const timeout = 20_000;
let g: TestGateway;
let ana: Client;
let lee: Client;

before(async () => {
  g = await startTestGateway();
  ana = await g.person("ana", ["oncall"]);
  lee = await g.person("lee", ["leads"]);
});
after(() => g.stop());

async function filed(who: Client, target = "prod"): Promise<string> {
  const answer = await who.call("POST", "/v1/requests", { body: { target, reason: "INC-1" } });
  assert.equal(answer.status, 201, answer.text);
  return String(answer.body["id"]);
}

async function digestOf(id: string): Promise<string> {
  return String((await lee.call("GET", `/v1/requests/${id}`)).body["digest"]);
}

test("changes need the version that the caller saw", { timeout }, async () => {
  const id = await filed(ana);
  const digest = await digestOf(id);
  const body = { answer: "approve", digest };
  assert.equal((await lee.call("POST", `/v1/requests/${id}/reviews`, { body })).status, 428);
  const stale = await lee.call("POST", `/v1/requests/${id}/reviews`, { body, version: 7 });
  assert.equal(stale.status, 409);
  const odd = await lee.call("POST", `/v1/requests/${id}/reviews`, { body, headers: { "if-match": "*" } });
  assert.equal(odd.status, 400);
  const differs = await lee.call("POST", `/v1/requests/${id}/reviews`, {
    body: { answer: "approve", digest: `sha256:${"0".repeat(64)}` },
    version: 1,
  });
  assert.equal(differs.status, 409);
  assert.equal(differs.body["rule"], "digest-differs");
});

test("of approve, deny and cancel at once exactly one wins and the others are told who did", {
  timeout,
}, async () => {
  const other = await g.person("lou", ["leads"]);
  for (let round = 0; round < 5; round++) {
    const id = await filed(ana);
    const digest = await digestOf(id);
    const answers = await Promise.all([
      lee.call("POST", `/v1/requests/${id}/reviews`, { version: 1, body: { answer: "approve", digest } }),
      other.call("POST", `/v1/requests/${id}/reviews`, { version: 1, body: { answer: "deny", digest } }),
      ana.call("POST", `/v1/requests/${id}/cancel`, { version: 1, body: {} }),
    ]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409, 409]);
    for (const { status, body } of answers)
      if (status === 409) assert.match(String(body["detail"]), /approved|denied|canceled/);
  }
});

test("two tabs of one reviewer count once", { timeout }, async () => {
  const id = await filed(ana, "vault");
  const digest = await digestOf(id);
  const body = { answer: "approve", digest };
  const both = await Promise.all([
    lee.call("POST", `/v1/requests/${id}/reviews`, { version: 1, body }),
    lee.call("POST", `/v1/requests/${id}/reviews`, { version: 1, body }),
  ]);
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 409]);
  const again = await lee.call("POST", `/v1/requests/${id}/reviews`, { version: 2, body });
  assert.equal(again.status, 409);
  assert.equal((await lee.call("GET", `/v1/requests/${id}`)).body["state"], "pending");
});

test("an agent with its user's token reviews nothing", { timeout }, async () => {
  const id = await filed(ana);
  const digest = await digestOf(id);
  const agent = await g.person("lee", ["leads"], { act: { sub: "claude" } });
  const answer = await agent.call("POST", `/v1/requests/${id}/reviews`, {
    version: 1,
    body: { answer: "approve", digest },
  });
  assert.equal(answer.status, 403);
  assert.equal(answer.body["rule"], "no-review-by-agent");
});

test("a waiting reader learns of a review at once", { timeout }, async () => {
  const id = await filed(ana);
  const digest = await digestOf(id);
  const waiting = ana.call("GET", `/v1/requests/${id}?wait=15`);
  const started = performance.now();
  await lee.call("POST", `/v1/requests/${id}/reviews`, { version: 1, body: { answer: "approve", digest } });
  assert.equal((await waiting).body["state"], "approved");
  assert.ok(performance.now() - started < 5000);
});

test("where reviews ask for a strong login, a password alone reviews nothing", { timeout }, async () => {
  await g.writeConfig((config) => ({ ...config, requests: { review_amr: ["mfa", "hwk"] } }));
  assert.equal(await g.gateway.reload(), undefined);
  const id = await filed(ana);
  const body = { answer: "approve", digest: await digestOf(id) };
  for (const amr of [undefined, [], ["pwd"]]) {
    const weak = await g.person("lee", ["leads"], { amr });
    const answer = await weak.call("POST", `/v1/requests/${id}/reviews`, { version: 1, body });
    assert.equal(answer.status, 403);
    assert.equal(answer.body["rule"], "review-amr");
  }
  const strong = await g.person("lee", ["leads"], { amr: ["pwd", "mfa"] });
  assert.equal((await strong.call("POST", `/v1/requests/${id}/reviews`, { version: 1, body })).status, 200);
});
