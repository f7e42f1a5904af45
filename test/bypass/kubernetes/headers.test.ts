import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, describe, test } from "node:test";
import { withoutKubectl } from "../../support/kubernetes/tools.ts";
import { playsOf } from "../api/support/plays.ts";
import { headOf, rawClient, rawRequest, statusOf } from "./support/raw.ts";
import { type CaseScene, prod, startCaseScene } from "./support/scene.ts";

const { plays, rate } = playsOf("k8s");
const pods = `GET ${prod}/pods`;

describe("the cases of k8s about headers and connections", { skip: withoutKubectl() }, () => {
  let s: CaseScene;
  let from = 0;
  before(async () => {
    s = await startCaseScene();
  });
  after(() => s.stop());
  beforeEach(() => {
    from = s.spy.received.length;
  });

  /** What only the gateway says to the cluster, whatever the client said. */
  const own: readonly (readonly [string, string])[] = [
    ["authorization", "Bearer credential-of-the-gateway"],
    ["impersonate-user", "alice@acme.io"],
    ["impersonate-group", "ihc:oncall"],
    ["impersonate-extra-ihc-session", ""],
  ];
  /** Besides: what HTTP itself needs, and what every client of Kubernetes may say. */
  const known = /^(?:host|connection|accept|user-agent|content-length|content-type|transfer-encoding)$/;

  /** Refused, or sent on without a trace of `trace`, as the person and nobody else. */
  async function strippedOrRefused(more: readonly string[], trace: RegExp, line = pods): Promise<number> {
    const answer = await rawRequest(s.spied, line, more);
    const status = statusOf(answer);
    for (const { lines, method, url } of s.spy.received.slice(from)) {
      const text = lines.map(([name, value]) => `${name}: ${value}`).join("\n");
      assert.doesNotMatch(`${method} ${url}\n${text}`, trace, more.join(" | "));
      for (const [name, value] of own) {
        const values = lines.filter(([one]) => one === name).map(([, said]) => said);
        assert.equal(values.length, 1, `${name}: ${values.join(" | ")}`);
        if (value !== "") assert.deepEqual(values, [value]);
      }
      const others = lines.filter(([name]) => !(known.test(name) || own.some(([one]) => one === name)));
      assert.deepEqual(others, [], "headers that nobody has set");
    }
    return status;
  }

  async function refused(more: readonly string[]): Promise<void> {
    const status = await strippedOrRefused(more, /nothing/);
    assert.ok(status === 0 || (status >= 400 && status < 500), `${more.join(" | ")}: ${status}`);
    assert.equal(s.spy.received.length, from, "nothing was sent on");
  }

  test("without anything odd the request arrives as the person's", async () => {
    assert.equal(await strippedOrRefused([], /nothing/), 200);
    assert.ok(s.spy.received.length > from);
  });

  plays("k8s-043", "deny_or_stripped", async () => {
    for (const name of ["Impersonate-User", "impersonate-user", "IMPERSONATE-USER", "Impersonate-Uid"])
      await refused([`${name}: system:admin`]);
  });
  plays("k8s-044", "deny_or_stripped", async () => {
    await refused(["Impersonate-Group: system:masters"]);
    await refused(["Impersonate-Extra-Scopes: all"]);
    await refused(["Impersonate-Extra-ihc-session: ses_other"]);
    await strippedOrRefused(["Impersonate_Group: system:masters"], /masters/);
    await strippedOrRefused(["X-Remote-User: admin", "X-Remote-Group: system:masters"], /masters|x-remote/i);
  });
  plays("k8s-045", "deny_or_stripped", async () => {
    await refused(["impersonate-user: a\r\nImpersonate-Group: b"]);
    await strippedOrRefused(["X-A: a\nImpersonate-Group: system:masters"], /masters/);
    await strippedOrRefused(["X-A: a\rImpersonate-Group: system:masters"], /masters/);
    await strippedOrRefused(["X-A: a\r\n Impersonate-Group: system:masters"], /masters/);
    await strippedOrRefused(["Impersonate-Group : system:masters"], /masters/);
    await strippedOrRefused(["X-A: \0Impersonate-Group: system:masters"], /masters/);
    await strippedOrRefused(["Accept: application/json\tImpersonate-Group: system:masters"], /masters/);
    await strippedOrRefused(
      ["User-Agent: x\x0bImpersonate-Group: system:masters"],
      /impersonate-group: system/,
    );
  });
  plays("k8s-048", "deny_or_stripped", async () => {
    const { token } = s.spied;
    const status = await strippedOrRefused(["Authorization: Bearer own-token-of-the-client"], /own-token/);
    assert.equal(status, 401);
    for (const more of [
      ["Proxy-Authorization: Bearer own-token"],
      ["Cookie: token=own-token"],
      ["X-Authorization: Bearer own-token"],
      [`Authorization: Bearer ${token}`, "Authorization: Bearer own-token"],
    ])
      await strippedOrRefused(more, /own-token|cookie|proxy-auth/i);
    for (const { lines } of s.spy.received.slice(from))
      assert.ok(!lines.some(([, value]) => value.includes(token)), "the session secret stays here");
  });
  plays("k8s-051", "deny_or_stripped", async () => {
    await strippedOrRefused(
      [
        "X-Forwarded-For: 10.0.0.1",
        "X-Forwarded-Uri: /api/v1/secrets",
        "X-Original-Url: /api/v1/secrets",
        "Forwarded: for=x",
      ],
      /forwarded|original|secrets/i,
    );
    await strippedOrRefused(
      ["Via: 1.1 x", "X-Real-Ip: 1.1.1.1", "X-Rewrite-Url: /api/v1/secrets"],
      /via|real-ip|rewrite/i,
    );
  });
  plays("k8s-052", "deny_or_stripped", async () => {
    for (const name of ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]) {
      await strippedOrRefused([`${name}: DELETE`], /DELETE|override/i);
      assert.ok(s.spy.received.slice(from).every(({ method }) => method === "GET"));
    }
  });
  plays("k8s-053", "deny_or_stripped", async () => {
    await strippedOrRefused(["Audit-ID: chosen"], /chosen|audit-id/i);
    await strippedOrRefused(["X-Request-Id: chosen", "Traceparent: 00-chosen"], /chosen/i);
  });
  plays("k8s-054", "deny_or_stripped", async () => {
    const inner = `DELETE ${prod}/pods/web HTTP/1.1\r\nHost: x\r\n\r\n`;
    const body = `0\r\n\r\n${inner}`;
    for (const more of [
      ["Transfer-Encoding: chunked", `Content-Length: ${body.length}`],
      [`Content-Length: ${body.length}`, "Transfer-Encoding: chunked"],
      ["Content-Length: 4", `Content-Length: ${body.length}`],
      [`Content-Length: 0, ${body.length}`],
      ["Transfer-Encoding: xchunked", `Content-Length: ${body.length}`],
      ["Transfer-Encoding: chunked, identity"],
      ["Transfer-Encoding : chunked"],
      [`Content-Length: +${body.length}`],
    ]) {
      const client = await rawClient(s.spied);
      client.send(headOf(s.spied, `POST ${prod}/pods`, more) + body);
      await client.until(/never/, 300);
      client.end();
    }
    // Hop-by-hop names may not take away what the gateway sets; what comes after the body is no header.
    await strippedOrRefused(["Connection: close, Authorization, Impersonate-User"], /nothing/);
    const trailer = "0\r\nImpersonate-User: system:admin\r\nAuthorization: Bearer x\r\n\r\n";
    const client = await rawClient(s.spied);
    client.send(headOf(s.spied, pods, ["Transfer-Encoding: chunked", "Trailer: Impersonate-User"]) + trailer);
    await client.until(/never/, 500);
    client.end();
    for (const { method, lines } of s.spy.received.slice(from)) {
      assert.equal(method, "GET");
      assert.ok(
        lines.filter(([name]) => name === "impersonate-user").every(([, value]) => value === "alice@acme.io"),
      );
    }
  });

  const upgrade = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Protocol: v5.channel.k8s.io",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];

  plays("k8s-084", "close", async () => {
    for (const more of [
      upgrade,
      ["Connection: Upgrade", "Upgrade: SPDY/3.1"],
      ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA"],
    ]) {
      const client = await rawClient(s.spied);
      client.send(headOf(s.spied, pods, more));
      const first = await client.until(/\r\n\r\n/);
      assert.ok(statusOf(first) >= 400, first.slice(0, 200));
      client.send(headOf(s.spied, `DELETE ${prod}/pods/web`));
      await client.until(/never/, 500);
      assert.ok(client.closed(), "after a failed upgrade the connection is over");
    }
    assert.ok(s.spy.received.slice(from).every(({ method }) => method === "GET"));
  });

  plays("k8s-085", "deny", async () => {
    let lured = 0;
    const attacker = createServer((_request, response) => {
      lured += 1;
      response.end("{}");
    });
    await new Promise<void>((resolve) => attacker.listen(0, "127.0.0.1", resolve));
    const location = `http://127.0.0.1:${(attacker.address() as AddressInfo).port}/`;
    s.spy.answer((_received, response) => {
      response.writeHead(302, { location });
      response.end();
    });
    try {
      for (const more of [[], upgrade]) {
        const answer = await rawRequest(
          s.spied,
          more.length > 0 ? `GET ${prod}/pods/web/exec?command=id&stdout=1` : pods,
          more,
        );
        assert.doesNotMatch(answer, new RegExp(location), "the client is not sent there either");
        assert.notEqual(statusOf(answer), 101);
        assert.notEqual(statusOf(answer), 302);
      }
      assert.equal(lured, 0);
    } finally {
      attacker.close();
    }
  });

  rate();
});
