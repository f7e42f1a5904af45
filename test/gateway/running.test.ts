import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestGateway, type TestGateway } from "./support/gateway.ts";
import { connected, opened, sessionId } from "./support/steps.ts";

const timeout = 30_000;

const policy = `
@id("readers") permit (principal in Group::"oncall", action == Action::"read", resource);
@id("writers") permit (principal in Group::"writers", action == Action::"write", resource)
when { resource.labels.env == "staging" };
`;

let g: TestGateway;
before(async () => {
  g = await startTestGateway({ policy });
});
after(() => g.stop());

const past = { iat: Math.floor(Date.now() / 1000) - 30 };

test("a lost group counts for the next operation of a connection that stays open", { timeout }, async () => {
  const eve = await g.person("eve", ["oncall", "writers"], past);
  const lines = await connected(eve, await opened(eve, "staging"));
  assert.equal(await lines.ask("write a"), "ok write a");
  const left = await g.person("eve", ["oncall"]);
  assert.equal((await left.call("GET", "/v1/whoami")).status, 200);
  assert.equal(await lines.ask("write b"), "no no-permit");
  assert.equal(await lines.ask("read c"), "ok read c");
});

test("a changed label counts for the next operation of a connection that stays open", {
  timeout,
}, async () => {
  const kim = await g.person("kim", ["oncall", "writers"]);
  const lines = await connected(kim, await opened(kim, "staging"));
  assert.equal(await lines.ask("write a"), "ok write a");
  await g.writeConfig((config) => ({
    ...config,
    targets: { ...config.targets, staging: { ...config.targets.staging, labels: { env: "prod" } } },
  }));
  assert.equal(await g.gateway.reload(), undefined);
  assert.equal(await lines.ask("write b"), "no no-permit");
  assert.equal(await lines.ask("read c"), "ok read c");
  await g.writeConfig((config) => config);
  assert.equal(await g.gateway.reload(), undefined);
});

test("sessions asked for at once are counted together", { timeout }, async () => {
  await g.writeConfig((config) => ({ ...config, limits: { sessions_per_person: 3 } }));
  await g.restart();
  const pat = await g.person("pat", ["oncall"]);
  const answers = await Promise.all(
    Array.from({ length: 12 }, () => pat.call("POST", "/v1/sessions", { body: { target: "staging" } })),
  );
  const open = answers.filter(({ status }) => status === 201);
  assert.equal(open.length, 3);
  for (const { body } of open) await pat.call("POST", `/v1/sessions/${sessionId(body)}/end`, { body: {} });
});
