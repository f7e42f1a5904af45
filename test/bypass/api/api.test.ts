import assert from "node:assert/strict";
import { after, before } from "node:test";
import { IhcError } from "../../../src/base/errors.ts";
import { parseConfig } from "../../../src/gateway/config.ts";
import { starterFiles } from "../../../src/gateway/starter.ts";
import { protocols } from "../../../src/protocols/index.ts";
import { keepAlive } from "../../../src/tunnel/tunnel.ts";
import { type Client, startTestGateway, type TestGateway } from "../../gateway/support/gateway.ts";
import { playsOf } from "./support/plays.ts";
import {
  connected,
  filed,
  opened,
  rawHeaders,
  rawRequest,
  until,
  upgraded,
  upgradeLines,
} from "./support/scene.ts";

const { plays, rate } = playsOf("api");

let g: TestGateway;
let alice: Client;
let bob: Client;
let mallory: Client;

before(async () => {
  g = await startTestGateway({ keepAlive: { pingEvery: 100, deadAfter: 600 } });
  alice = await g.person("alice", ["oncall"]);
  bob = await g.person("bob", ["oncall"]);
  mallory = await g.person("mallory", ["oncall", "leads"]);
});
after(() => g.stop());

const notFound = (error: unknown): boolean => error instanceof IhcError && error.code === "not-found";

plays("api-002", "deny", async () => {
  const session = await opened(bob, "staging");
  for (const path of ["", "/journal", "/events", "/chunks", "/evidence"]) {
    const answer = await alice.call("GET", `/v1/sessions/${session}${path}`);
    assert.equal(answer.status, 404, path);
    assert.ok(!answer.text.includes("bob"), "what is another's does not exist");
  }
  const list = await alice.call("GET", "/v1/sessions?scope=all");
  assert.ok(!list.text.includes(session));
  assert.equal((await alice.call("POST", `/v1/sessions/${session}/end`, { body: {} })).status, 404);
  const prefix = await alice.call("GET", `/v1/sessions/${session.slice(0, 8)}`);
  assert.equal(prefix.status, 404, "nor by its beginning");
  assert.equal((await bob.call("GET", `/v1/sessions/${session}`)).status, 200);
});

plays("api-003", "deny", async () => {
  const session = await opened(bob, "staging");
  const lines = await connected(bob, session);
  assert.equal(await lines.ask("read secrets"), "ok read secrets");
  assert.equal((await bob.call("POST", `/v1/sessions/${session}/end`, { body: {} })).status, 200);
  for (const path of ["journal", "events", "chunks/gateway/0", "evidence", "recording"])
    assert.equal((await alice.call("GET", `/v1/sessions/${session}/${path}`)).status, 404, path);
  assert.equal((await alice.call("GET", `/v1/recordings/${session}`)).status, 404);
  assert.match((await bob.call("GET", `/v1/sessions/${session}/journal`)).text, /read secrets/);
});

plays("api-007", "deny", async () => {
  // The ticket to a tunnel is the token with a proof made for this one request.
  const session = await opened(alice, "staging");
  const path = `/v1/tunnel/${session}`;
  const head = `GET ${path} HTTP/1.1\r\nHost: HOST\r\n${upgradeLines}${await rawHeaders(g, alice, "GET", path)}`;
  const first = await upgraded(g, head);
  assert.match(first.answer, /^HTTP\/1\.1 101 /);
  assert.match(await rawRequest(g, head.replace("Connection: Upgrade\r\n", "")), /^HTTP\/1\.1 40[01] /);
  const second = await upgraded(g, head);
  assert.match(second.answer, /^HTTP\/1\.1 401 /);
  assert.match(second.answer, /used before/);
  first.socket.destroy();
});

plays("api-009", "deny", async () => {
  const session = await opened(alice, "staging");
  await assert.rejects(bob.tunnel(session), notFound);
  const elsewhere = await g.person("alice", ["oncall"]);
  await assert.rejects(elsewhere.tunnel(session), notFound, "alice's token bound to another key");
  const agent = await g.person("alice", ["oncall"], { act: { sub: "claude" } });
  await assert.rejects(agent.tunnel(session), notFound, "an agent with alice's name");
  const stolen = await fetch(`${g.url}/v1/sessions/${session}`, {
    headers: {
      ...(await bob.headers("GET", `${g.url}/v1/sessions/${session}`)),
      authorization: `DPoP ${alice.token}`,
    },
  });
  assert.equal(stolen.status, 401, "alice's token with bob's proof");
  (await alice.tunnel(session)).stream.destroy();
});

plays("api-010", "deny", async () => {
  const id = await filed(alice);
  for (const method of ["PATCH", "PUT", "POST", "DELETE"]) {
    const body = { status: "approved", state: "approved", reviews: [{ answer: "approve" }] };
    const answer = await alice.call(method, `/v1/requests/${id}`, { body, version: 1 });
    assert.ok([404, 405].includes(answer.status), `${method} ${answer.status}`);
  }
  const grafted = await mallory.call("POST", `/v1/requests/${id}/reviews`, {
    version: 1,
    body: { answer: "deny", digest: "sha256:0", state: "approved" },
  });
  assert.equal(grafted.status, 400);
  assert.equal((await alice.call("GET", `/v1/requests/${id}`)).body["state"], "pending");
});

plays("api-011", "deny", async () => {
  const good = { target: "prod", reason: "x" };
  for (const owned of [
    { requester: "bob", approvedBy: ["carol"], ttl: "9999h" },
    ...["requester", "approvedBy", "ttl", "state", "id", "reviews", "slots", "grant", "person", "via"].map(
      (key) => ({
        [key]: "x",
      }),
    ),
  ]) {
    const answer = await alice.call("POST", "/v1/requests", { body: { ...good, ...owned } });
    assert.equal(answer.status, 400, JSON.stringify(owned));
  }
  assert.ok(!(await alice.call("GET", "/v1/requests?scope=mine")).text.includes("9999"));
});

plays("api-012", "deny", async () => {
  for (const key of ["ttl", "duration"])
    for (const value of [
      "-1",
      "0",
      "-0",
      "1e309",
      '"15m\\u0000"',
      "NaN",
      "1.5",
      '"15m"',
      "null",
      "[1]",
      "1e30",
    ]) {
      const raw = `{"target":"prod","reason":"x","${key}":${value}}`;
      assert.equal((await alice.call("POST", "/v1/requests", { raw })).status, 400, raw);
    }
  const longest = 366 * 86_400_000;
  const capped = await alice.call("POST", "/v1/requests", {
    body: { target: "prod", reason: "x", duration: longest },
  });
  assert.equal(capped.status, 201, capped.text);
  assert.ok(Number(capped.body["duration"]) <= 12 * 3_600_000, "capped by the gateway, whatever is asked");
});

plays("api-015", "deny", async () => {
  for (const value of [{ $ne: 1 }, ["a"], 5, true, null, { toString: "x" }, [["a"]]])
    for (const key of ["reason", "target", "incident"]) {
      const body = { target: "prod", reason: "x", [key]: value };
      assert.equal((await alice.call("POST", "/v1/requests", { body })).status, 400, JSON.stringify(body));
    }
  assert.equal((await alice.call("GET", "/v1/requests?state[]=pending")).status, 400);
  assert.equal((await alice.call("GET", "/v1/requests?state=pending&state=denied")).status, 400);
});

plays("api-016", "deny", async () => {
  const before = process.memoryUsage().rss;
  const big = `{"target":"prod","reason":"${"x".repeat(50 * 1024 * 1024)}"}`;
  const head = async (length: string): Promise<string> =>
    `POST /v1/requests HTTP/1.1\r\nHost: HOST\r\nContent-Type: application/json\r\n${length}${await rawHeaders(g, alice, "POST", "/v1/requests")}`;
  assert.match(
    await rawRequest(g, await head(`Content-Length: ${big.length}\r\n`), big.slice(0, 4_000_000)),
    /^HTTP\/1\.1 413 /,
  );
  const chunk = `${(1024 * 1024).toString(16)}\r\n${"x".repeat(1024 * 1024)}\r\n`;
  const chunked = await rawRequest(g, await head("Transfer-Encoding: chunked\r\n"), chunk.repeat(4));
  assert.match(chunked, /^HTTP\/1\.1 413 /);
  for (const raw of [
    "[".repeat(500_000),
    `{"target":"prod","reason":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    `{${Array.from({ length: 60_000 }, (_, n) => `"k${n}":1`).join(",")}}`,
    '{"target":"dev","target":"prod","reason":"x"}',
    '{"target":"dev","t\\u0061rget":"prod","reason":"x"}',
  ]) {
    const answer = await alice.call("POST", "/v1/requests", { raw });
    assert.ok([400, 413].includes(answer.status), raw.slice(0, 40));
  }
  assert.equal((await alice.call("GET", "/v1/whoami")).status, 200);
  assert.ok(process.memoryUsage().rss - before < 400 * 1024 * 1024, "memory is bounded");
});

plays("api-017", "deny", async () => {
  for (const type of [
    "text/plain",
    "text/plain; application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json, text/plain",
    "",
  ]) {
    const answer = await alice.call("POST", "/v1/requests", {
      raw: '{"target":"prod","reason":"x"}',
      headers: { "content-type": type },
    });
    assert.equal(answer.status, 415, type);
  }
  for (const origin of ["https://evil.example", "null", "http://localhost"]) {
    const answer = await alice.call("POST", "/v1/requests", {
      body: { target: "prod", reason: "x" },
      headers: { origin },
    });
    assert.equal(answer.status, 403, origin);
    assert.equal(answer.headers.get("access-control-allow-origin"), null);
  }
});

plays("api-018", "deny", async () => {
  const smuggled = "0\r\n\r\nGET /v1/audit/key HTTP/1.1\r\nHost: HOST\r\n\r\n";
  for (const lengths of [
    `Content-Length: ${smuggled.length}\r\nTransfer-Encoding: chunked\r\n`,
    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    "Transfer-Encoding: xchunked\r\n",
    "Content-Length: +5\r\n",
    "Content-Length : 5\r\n",
  ]) {
    const answer = await rawRequest(g, `POST /v1/requests HTTP/1.1\r\nHost: HOST\r\n${lengths}`, smuggled);
    assert.match(answer, /^HTTP\/1\.1 4\d\d /, lengths);
    assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1, `one answer, so nothing was smuggled: ${lengths}`);
  }
});

plays("api-020", "deny", async () => {
  const session = await opened(alice, "staging");
  for (const form of [
    "/v1/recordings/",
    "/v1/sessions/",
    `/v1/sessions/${session}/chunks/gateway/`,
    "/v1/audit/tile/",
  ])
    for (const name of [
      "%2e%2e/%2e%2e/secret",
      "..%2f..%2fsecret",
      "../../secret",
      "a%00.cast",
      "C:\\x",
      "CON",
      "aux.cast",
      "....//secret",
      "%252e%252e/secret",
      "\u2025/secret",
    ]) {
      const path = `${form}${name}`;
      const answer = await rawRequest(
        g,
        `GET ${path} HTTP/1.1\r\nHost: HOST\r\n${await rawHeaders(g, mallory, "GET", encodeURI(path))}`,
      );
      assert.match(answer, /^HTTP\/1\.1 40[0134] /, path);
      assert.ok(!answer.includes("PRIVATE+KEY"));
    }
});

plays("api-024", "close", async () => {
  const session = await opened(alice, "staging");
  for (const [what, frame] of [
    ["an unmasked frame", Buffer.from([0x82, 0x05, ...Buffer.from("read\n")])],
    ["a reserved opcode", Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    ["a reserved bit", Buffer.from([0xc2, 0x80, 0, 0, 0, 0])],
    ["close 1005", Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed])],
    ["a fragmented ping", Buffer.from([0x09, 0x80, 0, 0, 0, 0])],
    ["a text frame that is no control", Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d])],
    ["a frame of 2^60 bytes", Buffer.from([0x82, 0xff, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])],
  ] as const) {
    const path = `/v1/tunnel/${session}`;
    const { answer, socket } = await upgraded(
      g,
      `GET ${path} HTTP/1.1\r\nHost: HOST\r\n${upgradeLines}${await rawHeaders(g, alice, "GET", path)}`,
    );
    assert.match(answer, /^HTTP\/1\.1 101 /);
    socket.write(frame);
    await until(() => socket.destroyed || socket.readableEnded, 5000).catch(() => assert.fail(what));
    socket.destroy();
  }
  await until(async () => (await connectionsOf(alice, session)) === 0);
  const lines = await connected(alice, session);
  assert.equal(await lines.ask("read on"), "ok read on", "the session is still of use");
  lines.end.stream.destroy();
});

plays("api-025", "close", async () => {
  assert.ok(keepAlive.deadAfter <= 60_000 && keepAlive.pingEvery * 2 <= keepAlive.deadAfter);
  const session = await opened(alice, "staging");
  const path = `/v1/tunnel/${session}`;
  const { socket } = await upgraded(
    g,
    `GET ${path} HTTP/1.1\r\nHost: HOST\r\n${upgradeLines}${await rawHeaders(g, alice, "GET", path)}`,
  );
  await until(async () => (await connectionsOf(alice, session)) === 1);
  // This peer takes the pings and never answers one; its gateway counts it dead after 600 ms.
  await until(() => socket.destroyed || socket.readableEnded);
  await until(async () => (await connectionsOf(alice, session)) === 0);
});

plays("api-029", "deny", async () => {
  for (const name of ["x-ihc-user", "X-IHC-Groups", "x-ihc-person"]) {
    const answer = await alice.call("GET", "/v1/whoami", { headers: { [name]: "carol" } });
    assert.equal(answer.status, 400, name);
  }
  for (const name of [
    "x-forwarded-user",
    "x-remote-user",
    "remote-user",
    "x-auth-request-email",
    "x-forwarded-for",
  ]) {
    const answer = await alice.call("GET", "/v1/whoami", { headers: { [name]: "carol" } });
    assert.equal(answer.body["name"], "alice@acme.io", name);
  }
  const bare = await fetch(`${g.url}/v1/whoami`, { headers: { "x-forwarded-user": "carol" } });
  assert.equal(bare.status, 401);
});

plays("api-031", "deny", () => {
  // Nothing posts to an address of somebody's choice: there is no such feature, and no key that could bring it.
  const yaml = starterFiles["ihc.yaml"] ?? "";
  const load = (text: string) =>
    parseConfig("/etc/ihc/ihc.yaml", text, { protocols: Object.values(protocols) });
  assert.ok(load(yaml).config);
  for (const key of [
    "webhooks: [ http://169.254.169.254/ ]",
    "notify: { webhook: http://169.254.169.254/ }",
    "approvers: { slack: https://hooks.example/x }",
  ])
    assert.match(JSON.stringify(load(`${yaml}\n${key}\n`).issues), /unknown key/, key);
  const nested = load(yaml.replace("requests:\n", "requests:\n  webhook: http://169.254.169.254/\n"));
  assert.match(JSON.stringify(nested.issues), /unknown key/);
});

plays("api-033", "close", async () => {
  const session = await opened(alice, "staging");
  const lines = await connected(alice, session);
  assert.equal(await lines.ask("read a"), "ok read a");
  await g.writeConfig((config) => ({ ...config, targets: { prod: config.targets.prod } }));
  assert.match((await lines.end.ended) ?? "", /target was taken away/);
  const again = await alice.call("POST", "/v1/sessions", { body: { target: "staging" } });
  assert.equal(again.status, 404);
  await g.writeConfig((config) => config);
  assert.equal(await g.gateway.reload(), undefined);
});

rate();

async function connectionsOf(who: Client, session: string): Promise<number> {
  return Number((await who.call("GET", `/v1/sessions/${session}`)).body["connections"]);
}
