import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { answerOf, type Client, startTestGateway, type TestGateway } from "./support/gateway.ts";

const timeout = 20_000;
let g: TestGateway;
let ana: Client;
let bob: Client;
let lee: Client;
let max: Client;

before(async () => {
  g = await startTestGateway();
  ana = await g.person("ana", ["oncall"]);
  bob = await g.person("bob", ["oncall"]);
  lee = await g.person("lee", ["leads"]);
  max = await g.person("max", ["auditors"]);
});
after(() => g.stop());

async function filed(who: Client, target = "prod"): Promise<string> {
  const answer = await who.call("POST", "/v1/requests", { body: { target, reason: "INC-1" } });
  assert.equal(answer.status, 201, answer.text);
  return String(answer.body["id"]);
}

test("discovery needs no token and everything under /v1 does", { timeout }, async () => {
  const found = await fetch(`${g.url}/.well-known/ihc`);
  assert.equal(found.status, 200);
  for (const path of [
    "/v1/whoami",
    "/v1/targets",
    "/v1/requests",
    "/v1/requests/req_AAAAAAAAAAAA",
    "/v1/grants",
    "/v1/sessions",
    "/v1/sessions/ses_AAAAAAAAAAAA/journal",
    "/v1/audit/checkpoint",
    "/v1/audit/entries",
    "/v1/audit/tile/0/000",
    "/v1/anything",
  ]) {
    const answer = await answerOf(await fetch(`${g.url}${path}`));
    assert.equal(answer.status, 401, path);
    assert.equal(answer.body["code"], "unauthenticated");
  }
});

test("answers carry security headers and a request id, and no framework's name", { timeout }, async () => {
  const { headers } = await ana.call("GET", "/v1/whoami");
  assert.equal(headers.get("cache-control"), "no-store");
  assert.equal(headers.get("x-content-type-options"), "nosniff");
  assert.match(headers.get("x-request-id") ?? "", /^[0-9a-f-]{36}$/);
  assert.equal(headers.get("x-powered-by"), null);
  assert.equal(headers.get("access-control-allow-origin"), null);
});

test("what is not the caller's does not exist: request, grant, session, recording", { timeout }, async () => {
  const request = await filed(ana);
  const session = String(
    (await (await ana.call("POST", "/v1/sessions", { body: { target: "staging" } })).body["session"]) ===
      undefined
      ? ""
      : JSON.parse((await ana.call("GET", "/v1/sessions?state=open")).text).items[0].id,
  );
  for (const path of [
    `/v1/requests/${request}`,
    `/v1/requests/${request.slice(0, 9)}`,
    `/v1/sessions/${session}`,
    `/v1/sessions/${session}/journal`,
    `/v1/sessions/${session}/events`,
    `/v1/sessions/${session}/chunks`,
    `/v1/sessions/${session}/chunks/gateway/0`,
  ]) {
    assert.equal((await ana.call("GET", path.replace("/events", ""))).status < 500, true);
    const answer = await bob.call("GET", path);
    assert.equal(answer.status, 404, path);
  }
  for (const [method, path] of [
    ["POST", `/v1/requests/${request}/cancel`],
    ["POST", `/v1/sessions/${session}/end`],
  ] as const)
    assert.equal((await bob.call(method, path, { body: {}, version: 1 })).status, 404, path);
  for (const list of ["/v1/requests?scope=all", "/v1/sessions?scope=all", "/v1/grants"]) {
    const { items } = JSON.parse((await bob.call("GET", list)).text);
    assert.ok(
      items.every((item: { mine?: boolean; person?: string }) => item.mine ?? item.person === "bob@acme.io"),
    );
  }
  assert.equal((await max.call("GET", `/v1/requests/${request}`)).status, 200);
  assert.equal((await lee.call("GET", `/v1/requests/${request}`)).status, 200);
});

test("a state is never set from outside", { timeout }, async () => {
  const id = await filed(ana);
  for (const method of ["PATCH", "PUT", "DELETE"]) {
    const answer = await ana.call(method, `/v1/requests/${id}`, { body: { state: "approved" } });
    assert.equal(answer.status, 405);
  }
  assert.equal((await ana.call("GET", `/v1/requests/${id}`)).body["state"], "pending");
});

for (const body of [
  { target: "prod", reason: "x", requester: "bob" },
  { target: "prod", reason: "x", approvedBy: ["carol"] },
  { target: "prod", reason: "x", state: "approved" },
  { target: "prod", reason: "x", ttl: "9999h" },
  { target: "prod", reason: "x", duration: -1 },
  { target: "prod", reason: "x", duration: 0 },
  { target: "prod", reason: "x", duration: 1.5 },
  { target: "prod", reason: "x", duration: "15m" },
  { target: "prod", reason: "x", duration: null },
  { target: "prod", reason: { $ne: 1 } },
  { target: "prod", reason: ["a"] },
  { target: "prod", reason: 5 },
  { target: "prod", reason: "" },
  { target: "prod", reason: "   " },
  { target: ["prod"], reason: "x" },
  { target: "prod", reason: "x", effects: [] },
  { target: "prod", reason: "x", effects: ["everything"] },
  { target: "prod", reason: "x", break_glass: "yes" },
  { reason: "x" },
  [],
  null,
  "text",
]) {
  test(`the request ${JSON.stringify(body)} is refused`, { timeout }, async () => {
    const answer = await ana.call("POST", "/v1/requests", { body });
    assert.equal(answer.status, 400, answer.text);
    assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
  });
}

for (const [what, raw] of [
  ["duplicate keys", '{"target":"staging","target":"prod","reason":"x"}'],
  ["duplicate keys by escape", '{"target":"staging","t\\u0061rget":"prod","reason":"x"}'],
  ["a prototype key", '{"target":"prod","reason":"x","__proto__":{"a":1}}'],
  ["deep nesting", `{"target":"prod","reason":${"[".repeat(1000)}${"]".repeat(1000)}}`],
  ["a million arrays", `${"[".repeat(100_000)}`],
  ["many keys", `{${Array.from({ length: 20_000 }, (_, n) => `"k${n}":1`).join(",")}}`],
  ["a lone surrogate", '{"target":"prod","reason":"\\ud800"}'],
  ["an endless number", '{"target":"prod","reason":"x","duration":1e309}'],
  ["no JSON", "target=prod"],
  ["NaN", '{"target":"prod","reason":"x","duration":NaN}'],
  ["two values", '{"target":"prod","reason":"x"}{}'],
] as const) {
  test(`a body with ${what} is refused`, { timeout }, async () => {
    const answer = await ana.call("POST", "/v1/requests", { raw });
    assert.equal(answer.status, 400, answer.text);
  });
}

test("a body over the limit is refused before it is read", { timeout }, async () => {
  const raw = JSON.stringify({ target: "prod", reason: "x".repeat(3 * 1024 * 1024) });
  assert.equal((await ana.call("POST", "/v1/requests", { raw })).status, 413);
});

for (const type of [
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/json; charset=utf-16",
  "application/jsonx",
]) {
  test(`a body of type ${type} is refused`, { timeout }, async () => {
    const answer = await ana.call("POST", "/v1/requests", {
      raw: '{"target":"prod","reason":"x"}',
      headers: { "content-type": type },
    });
    assert.equal(answer.status, 415, answer.text);
  });
}

for (const query of [
  "access_token=x",
  "token=x",
  "jwt=x",
  "id_token=x",
  "Access-Token=x",
  "api_key=x",
  "auth=x",
  "ticket=x",
  "limit=0",
  "limit=1e9",
  "scope=everything",
  "unknown=1",
]) {
  test(`the query ?${query} is refused`, { timeout }, async () => {
    assert.equal((await ana.call("GET", `/v1/requests?${query}`)).status, 400);
  });
}

for (const header of ["x-ihc-user", "X-IHC-Groups", "x-ihc-anything"]) {
  test(`the identity header ${header} is refused`, { timeout }, async () => {
    const answer = await ana.call("GET", "/v1/whoami", { headers: { [header]: "carol" } });
    assert.equal(answer.status, 400);
  });
}

for (const path of [
  "/v1/sessions/%2e%2e/%2e%2e/secret",
  "/v1/sessions/a%00.cast",
  "/v1/sessions/C:%5Cx",
  "/v1//sessions",
  "/v1/sessions/../../etc/passwd",
  "/V1/sessions",
  "/v1/sessions/CON",
  "/v1/sessions/ses_%41AAAAAAAAAAA",
]) {
  test(`the path ${path} is nothing`, { timeout }, async () => {
    const answer = await rawRequest(`GET ${path} HTTP/1.1\r\nHost: HOST\r\n${await authorization(path)}`);
    assert.match(answer, /^HTTP\/1\.1 40[14] /);
  });
}

for (const [what, lines] of [
  ["two authorization headers", "Authorization: Bearer a.b.c\r\nAuthorization: Bearer d.e.f\r\n"],
  ["two hosts", "Host: evil.example\r\n"],
  ["both lengths", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"],
  ["a folded header", "X-A: a\r\n b\r\n"],
  ["an identity header in another case", "X-Ihc-User: carol\r\n"],
  ["an origin elsewhere", "Origin: https://evil.example\r\n"],
] as const) {
  test(`a request with ${what} is refused`, { timeout }, async () => {
    const answer = await rawRequest(`POST /v1/requests HTTP/1.1\r\nHost: HOST\r\n${lines}`);
    assert.match(answer, /^HTTP\/1\.1 40[03] /);
  });
}

test("another host name is refused, so that a rebound name reaches nothing", { timeout }, async () => {
  assert.match(await rawRequest("GET /v1/whoami HTTP/1.1\r\nHost: evil.example\r\n"), /^HTTP\/1\.1 400 /);
  assert.match(
    await rawRequest("GET /.well-known/ihc HTTP/1.1\r\nHost: evil.example\r\n"),
    /^HTTP\/1\.1 400 /,
  );
  assert.match(await rawRequest("GET /healthz HTTP/1.1\r\nHost: 10.0.0.7\r\n"), /^HTTP\/1\.1 200 /);
});

test("a tunnel is refused without token, with a token in the URL, and from a browser", {
  timeout,
}, async () => {
  const upgrade =
    "Host: HOST\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const path = "/v1/tunnel/ses_AAAAAAAAAAAA";
  assert.match(await rawRequest(`GET ${path} HTTP/1.1\r\n${upgrade}`), /^HTTP\/1\.1 401 /);
  assert.match(await rawRequest(`GET ${path}?token=${ana.token} HTTP/1.1\r\n${upgrade}`), /^HTTP\/1\.1 400 /);
  const origin = "Origin: https://evil.example\r\n";
  assert.match(await rawRequest(`GET ${path} HTTP/1.1\r\n${upgrade}${origin}`), /^HTTP\/1\.1 403 /);
});

test("the log holds neither tokens nor proofs nor queries nor reasons", { timeout }, async () => {
  await ana.call("POST", "/v1/requests", { body: { target: "prod", reason: "REASON-CANARY" } });
  await ana.call("GET", "/v1/requests?prefix=req_QUERYCANARY");
  await fetch(`${g.url}/v1/requests?access_token=TOKEN-CANARY`);
  const log = g.log();
  assert.match(log, /answered/);
  for (const secret of [ana.token, ana.token.split(".")[2] ?? "", "CANARY"])
    assert.ok(!log.includes(secret), secret);
});

test("the audit log proves what happened to whoever has its key", { timeout }, async () => {
  await filed(ana);
  const key = (await ana.call("GET", "/v1/audit/key")).text.trim();
  const note = (await ana.call("GET", "/v1/audit/checkpoint")).text;
  assert.ok(note.startsWith(key.split("+")[0] ?? "?"));
  assert.equal((await ana.call("GET", "/v1/audit/tile/0/000.p/1")).status, 403);
  const tile = await max.call("GET", "/v1/audit/tile/0/000.p/1");
  assert.equal(tile.status, 200);
  assert.equal((await max.call("GET", "/v1/audit/tile/0/0")).status, 404);
  assert.equal((await max.call("GET", "/v1/audit/proof?index=0")).status, 200);
  assert.equal((await max.call("GET", "/v1/audit/proof?index=100000")).status, 400);
});

async function authorization(path: string): Promise<string> {
  const sent = await ana.headers("GET", `${g.url}${path}`);
  return Object.entries(sent)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
}

/** Sends bytes that fetch would not; HOST stands for the gateway's address. */
async function rawRequest(head: string): Promise<string> {
  const { host, port } = new URL(g.url);
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(`${head.replace("HOST", host)}Connection: close\r\n\r\n`);
  socket.setTimeout(5000, () => socket.destroy(new Error("no answer")));
  return text(socket);
}
