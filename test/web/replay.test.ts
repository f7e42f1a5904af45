import assert from "node:assert/strict";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { replayPage } from "../../src/web/page.ts";
import { type ReplayServer, serveReplay } from "../../src/web/replay.ts";

const cast = '{"version":3,"term":{"cols":80,"rows":24}}\n[0.1,"o","hello"]\n';
const title = {
  title: "ses_1 </title><script>alert(1)</script>",
  facts: [["reason", '"><img src=x onerror=alert(1)>']],
  casts: [{ title: "<img src=x>", cast }],
  log: [{ tone: "bad", text: "<img src=x>" }],
} as const;

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function get(url: URL, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, method, agent: false, timeout: 5000 }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }),
        reject,
      );
    });
    sent
      .on("timeout", () => sent.destroy(new Error("no answer")))
      .on("error", reject)
      .end();
  });
}

let server: ReplayServer;
before(async () => {
  server = await serveReplay(title);
});
after(() => server.close());

test("whoever opens the address first gets the page and a cookie; nobody after without the cookie", async () => {
  assert.equal((await get(new URL("recording-1.cast", server.url))).status, 403);
  const first = await get(server.url);
  assert.equal(first.status, 200);
  const [setCookie = ""] = [first.headers["set-cookie"]].flat();
  assert.match(setCookie, /HttpOnly; SameSite=Strict/);
  const cookie = setCookie.split(";")[0] ?? "";
  assert.equal((await get(server.url)).status, 403);
  assert.equal((await get(server.url, { cookie })).status, 200);
  const recording = await get(new URL("recording-1.cast", server.url), { cookie });
  assert.deepEqual([recording.status, recording.body], [200, cast]);
  for (const name of ["player.js", "player.css", "page.js", "page.css"])
    assert.equal((await get(new URL(name, server.url), { cookie })).status, 200, name);
  assert.equal((await get(new URL("../../../etc/passwd", server.url), { cookie })).status, 404);
});

test("another host name, origin, site or method is refused", async () => {
  const { port } = server.url;
  for (const headers of [
    { host: `evil.example:${port}` },
    { host: `localhost:${port}` },
    { origin: "null" },
    { origin: "http://evil.example" },
    { "sec-fetch-site": "cross-site" },
  ] as Record<string, string>[])
    assert.equal((await get(server.url, headers)).status, 403, JSON.stringify(headers));
  assert.equal((await get(server.url, {}, "POST")).status, 403);
});

test("a wrong token finds nothing", async () => {
  assert.equal((await get(new URL("/", server.url))).status, 404);
  assert.equal((await get(new URL(`/${"A".repeat(32)}/`, server.url))).status, 404);
});

test("titles and facts are text, whatever they hold", () => {
  const page = replayPage(title);
  assert.equal(page.match(/<script/g)?.length, 2);
  assert.ok(!page.includes("<img"));
});

test("the page allows no script but its own and no framing", async () => {
  const policy = String((await get(new URL("/", server.url))).headers["content-security-policy"]);
  assert.match(policy, /default-src 'none'/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.doesNotMatch(policy, /script-src[^;]*(unsafe-inline|'unsafe-eval'|https?:)/);
});
