import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { type Client, startTestGateway, type TestGateway } from "./support/gateway.ts";

let g: TestGateway;
let ana: Client;
before(async () => {
  g = await startTestGateway({
    change: (config) => ({ ...config, limits: { requests_per_minute: 100_000 } }),
  });
  ana = await g.person("ana", ["oncall", "auditors", "platform-admins"]);
});
after(() => g.stop());

const id = fc.oneof(
  fc.constantFrom(
    "req_AAAAAAAAAAAA",
    "gra_000000000000",
    "ses_ZZZZZZZZZZZZ",
    "me",
    "..",
    "%2e%2e",
    "%00",
    "%",
  ),
  fc.webSegment({ size: "-1" }),
);
const path = fc.oneof(
  fc.constantFrom(
    "/v1/whoami",
    "/v1/targets",
    "/v1/requests",
    "/v1/grants",
    "/v1/sessions",
    "/v1/audit/checkpoint",
  ),
  fc
    .tuple(fc.constantFrom("requests", "grants", "sessions", "tunnel", "audit/tile", "audit/entries"), id)
    .map(([kind, one]) => `/v1/${kind}/${one}`),
  fc
    .tuple(
      fc.constantFrom("requests", "grants", "sessions"),
      id,
      fc.constantFrom("reviews", "journal", "events", "x"),
    )
    .map(([kind, one, more]) => `/v1/${kind}/${one}/${more}`),
);
const query = fc.oneof(
  fc.constant(""),
  fc.webQueryParameters({ size: "-1" }).map((text) => `?${text}`),
);
const known = fc.constantFrom(
  "target",
  "reason",
  "duration",
  "effects",
  "answer",
  "digest",
  "grant",
  "incident",
  "kind",
);
const body = fc.oneof(
  fc.json(),
  fc.dictionary(known, fc.jsonValue({ maxDepth: 3 })).map((value) => JSON.stringify(value)),
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.constantFrom(
    '{"target":"prod","target":"staging"}',
    `${"[".repeat(20_000)}`,
    '{"__proto__":{"admin":true}}',
  ),
);
const method = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

test("whatever is sent to the API is answered, and never with a failure of the gateway's own", {
  timeout: 90_000,
}, async () => {
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(method, path, query, body, async (verb, where, asked, raw) => {
      const answer = await ana.call(verb, `${where}${asked}`, verb === "GET" ? {} : { raw });
      seen.add(answer.status);
      assert.ok(answer.status < 500, `${verb} ${where}${asked} ${raw}: ${answer.status} ${answer.text}`);
      if (answer.status >= 400 && answer.text !== "" && answer.status !== 426)
        assert.match(answer.headers.get("content-type") ?? "", /problem\+json/);
    }),
    { numRuns: 600 },
  );
  for (const expected of [200, 400, 404, 405]) assert.ok(seen.has(expected), [...seen].join(", "));
  assert.equal((await ana.call("GET", "/v1/whoami")).status, 200);
});

test("whatever comes over a raw connection ends it at most, not the gateway", {
  timeout: 60_000,
}, async () => {
  const port = Number(new URL(g.url).port);
  const line = fc.constantFrom(
    "GET /v1/whoami HTTP/1.1\r\n",
    "GET /v1/tunnel/ses_ZZZZZZZZZZZZ HTTP/1.1\r\n",
    "Host: 127.0.0.1\r\n",
    "Upgrade: websocket\r\nConnection: Upgrade\r\n",
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "\r\n",
  );
  const piece = fc.oneof(
    line.map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), (pieces) => sendRaw(port, Buffer.concat(pieces))),
    { numRuns: 200 },
  );
  assert.equal((await ana.call("GET", "/v1/whoami")).status, 200);
});

/** Sends the bytes, closes its half and waits until the other side has closed too. */
function sendRaw(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`still open after 10 s: ${bytes.toString("latin1")}`));
    }, 10_000);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume();
    socket.end(bytes);
  });
}
