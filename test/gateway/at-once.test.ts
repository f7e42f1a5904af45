import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Client, startTestGateway, type TestGateway } from "./support/gateway.ts";
import { connected, opened, sessionId } from "./support/steps.ts";

const timeout = 30_000;

const policy = `
@id("readers") permit (principal in Group::"oncall", action, resource);
@id("glass") @break_glass @grant("leads") permit (principal in Group::"oncall", action, resource);
@id("writes") @approve("leads") forbid (principal, action == Action::"write", resource)
unless { context.approvedBy.contains("leads") };
`;

let g: TestGateway;
let ana: Client;
before(async () => {
  g = await startTestGateway({ policy });
  ana = await g.person("ana", ["oncall"]);
});
after(() => g.stop());

test("of break-glass requests sent at once one is granted, the others owe its review", {
  timeout,
}, async () => {
  const body = { target: "prod", reason: "all is down", break_glass: true };
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => ana.call("POST", "/v1/requests", { body })),
  );
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [201, 403, 403, 403, 403, 403]);
});

const card = "4111111111111111";

test("a held statement is exact for its sender and its reviewers, masked for auditors and MCP clients", {
  timeout,
}, async () => {
  const lines = await connected(ana, await opened(ana, "staging"));
  const [, id = ""] = (await lines.ask(`write ${card}`)).split(" ");
  const lee = await g.person("lee", ["leads"]);
  const max = await g.person("max", ["auditors"]);
  const sam = await g.person("sam", ["admins"]);
  const agent = await g.person("lee", ["leads"], { act: { sub: "an-agent" } });
  const seen = async (who: Client): Promise<boolean> => {
    const answer = await who.call("GET", `/v1/requests/${id}`);
    assert.equal(answer.status, 200, answer.text);
    const list = await who.call("GET", "/v1/requests");
    assert.equal(list.text.includes(card), answer.text.includes(card));
    return answer.text.includes(card);
  };
  assert.equal(await seen(ana), true);
  assert.equal(await seen(lee), true);
  assert.equal(await seen(max), false);
  assert.equal(await seen(sam), false);
  assert.equal(await seen(agent), false);
  await ana.call("POST", `/v1/requests/${id}/cancel`, { version: 1, body: {} });
  assert.match(await lines.next(), /^no /);
});

test("what a reason reveals is masked in the audit log and the recording, and told to reviewers as it is", {
  timeout,
}, async () => {
  const body = { target: "staging", reason: `the customer with ${card}`, incident: card };
  const answer = await ana.call("POST", "/v1/sessions", { body });
  assert.equal(answer.status, 201, answer.text);
  const id = sessionId(answer.body);
  const lines = await connected(ana, id);
  assert.match(await lines.ask("write a"), /^held /);
  const lee = await g.person("lee", ["leads"]);
  const shown = await lee.call("GET", "/v1/requests?scope=review");
  assert.match(shown.text, new RegExp(card));
  await ana.call("POST", `/v1/sessions/${id}/end`, { body: {} });
  const max = await g.person("max", ["auditors"]);
  const log = await max.call("GET", "/v1/audit/entries");
  assert.match(log.text, /the customer with/);
  assert.doesNotMatch(log.text, new RegExp(card));
  const journal = await max.call("GET", `/v1/sessions/${id}/journal`);
  assert.match(journal.text, /the customer with/);
  assert.doesNotMatch(journal.text, new RegExp(card));
});
