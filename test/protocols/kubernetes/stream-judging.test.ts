import assert from "node:assert/strict";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { connect } from "node:tls";
import { newId } from "../../../src/base/ids.ts";
import type { Approvals, Reviewed } from "../../../src/core/session/approvals.ts";
import { type K8sGateway, startK8sGateway } from "../../support/k8s-gateway.ts";
import { type StreamServer, startStreamServer } from "../../support/kubernetes/stream-server.ts";
import { eventsOf, execPath, frame, openStream, Refused, success } from "./stream-client.ts";

const policy = `
@id("reads") permit (principal, action == Action::"read", resource);
@id("exec") permit (principal, action, resource) when { context.verb == "exec" };
@id("no-unclear") @reason("nobody could say what it does") forbid (principal, action, resource)
  when { context.verb == "exec" && context.traits.contains("unclear") };
@id("second-person") @approve("sre-leads") @within("5m") @reason("execs that change something need a second person")
forbid (principal, action, resource) when { context.verb == "exec" && !context.traits.contains("reads-only") }
  unless { context.approvedBy.contains("sre-leads") };
`;

let server: StreamServer;
let gateway: K8sGateway;
let review: () => Reviewed["kind"] = () => "approved";
let asked: string[] = [];

const approvals: Approvals = {
  review: async (operation, hold, _digest, { onHold }) => {
    asked.push(operation.attributes?.command ?? operation.text);
    const request = newId("req");
    onHold({ request, hold, expiresAt: new Date(0) });
    const kind = review();
    if (kind === "approved") return { kind, request, by: ["lee"] };
    return kind === "denied" ? { kind, request, by: ["lee"], comment: "not now" } : { kind, request };
  },
  use: async () => true,
};

before(async () => {
  server = await startStreamServer();
  server.take = (socket) => {
    socket.send(frame(3, success));
    socket.close(1000);
  };
  gateway = await startK8sGateway({
    settings: { server: server.url, ca: server.caFile, credential: { token: "env:T" } },
    secrets: { "env:T": "the-gateway's" },
    masking: { rules: [{ detect: ["email"], how: "redact" }], mode: "strict" },
    policy,
    approvals,
  });
});
after(async () => {
  await gateway.stop();
  await server.stop();
});

const query = (...argv: string[]): string =>
  `${argv.map((word) => `command=${encodeURIComponent(word)}`).join("&")}&stdout=true&stderr=true`;

/** kubectl's second request of an exec, or its only one before 1.30. */
async function spdy(
  target: string,
  kubectl: string,
): Promise<{ status: number; message: string; reason: string }> {
  const socket = connect({
    host: "127.0.0.1",
    port: gateway.port,
    ca: gateway.ca,
    ALPNProtocols: ["http/1.1"],
  });
  await once(socket, "secureConnect");
  socket.write(
    `POST ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${gateway.token}\r\nKubectl-Session: ${kubectl}\r\n` +
      "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\nContent-Length: 0\r\n\r\n",
  );
  const answer = await text(socket);
  const { message, reason } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as {
    message: string;
    reason: string;
  };
  return { status: Number(answer.slice(9, 12)), message, reason };
}

async function refused(target: string, kubectl = "k1", protocols?: readonly string[]): Promise<string> {
  const error: unknown = await openStream(gateway, target, protocols, { "kubectl-session": kubectl }).catch(
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Refused, String(error));
  return (JSON.parse(error.body) as { message: string }).message;
}

describe("an exec", () => {
  it("is judged by what its command would do", async () => {
    asked = [];
    const client = await openStream(gateway, execPath(query("sh", "-c", "df -h | grep root")));
    await client.closed;
    assert.deepEqual(asked, []);
    const operation = eventsOf(gateway, "operation").at(-1);
    assert.equal(operation?.effect, "write");
    assert.deepEqual(operation?.attributes?.programs, ["sh", "df", "grep"]);
    assert.ok(operation?.traits.includes("exec") && operation.traits.includes("reads-only"));
    assert.match(await refused(execPath(query("sh", "-c", "$x"))), /no-unclear: nobody could say/);
    assert.match(await refused(execPath(query("sh"))), /no-unclear/);
  });

  it("that is held waits for its approval and then runs", async () => {
    asked = [];
    review = () => "approved";
    const client = await openStream(gateway, execPath(query("sh", "-c", "rm /tmp/x")));
    await client.closed;
    assert.deepEqual(asked, ["sh -c 'rm /tmp/x'"]);
    assert.equal(client.on(3), success);
  });

  it("asks once when kubectl comes a second time over SPDY, and is told the same", async () => {
    asked = [];
    review = () => "denied";
    const target = execPath(query("rm", "/tmp/y"));
    const first = await refused(target, "k2");
    assert.match(first, /second-person: .* was denied by lee: not now/);
    const second = await spdy(target, "k2");
    assert.equal(second.status, 403);
    assert.equal(second.message, first);
    assert.deepEqual(asked, ["rm /tmp/y"]);
    const other = await spdy(target, "k3");
    assert.match(other.message, /kubectl 1\.30/);
    assert.deepEqual(asked, ["rm /tmp/y"]);
  });

  it("over SPDY alone is refused with the version of kubectl to use, and is on record", async () => {
    const before = server.upgrades.length;
    const { status, message, reason } = await spdy(execPath(query("ls")), "k4");
    assert.equal(status, 403);
    assert.equal(reason, "Forbidden");
    assert.match(message, /^ihc: denied by rule websocket-only: .*kubectl 1\.30 or later/);
    assert.equal(eventsOf(gateway, "verdict").at(-1)?.rule, "websocket-only");
    assert.equal(server.upgrades.length, before);
  });

  it("tells what the cluster says when it does not switch protocols, masked, twice", async () => {
    const message = 'pods "alice@example.com" not found';
    server.refusal = { status: 404, body: JSON.stringify({ kind: "Status", reason: "NotFound", message }) };
    const target = execPath(query("ls"), "gone");
    const first = await refused(target, "k5");
    server.refusal = undefined;
    assert.equal(first, 'pods "[redacted]" not found');
    const second = await spdy(target, "k5");
    assert.deepEqual(second, { status: 404, reason: "NotFound", message: first });
  });

  it("reaches the cluster with each word of its command as it was typed", async () => {
    const words = ["echo", "it's", 'a "b" c', "d&e=f;g", "h|i", "ü%41+ ", "(!*)~", "<>{}[]^`\\"];
    const client = await openStream(gateway, execPath(query(...words)));
    await client.closed;
    const target = server.upgrades.at(-1)?.url ?? "";
    assert.deepEqual(new URL(target, "https://x").searchParams.getAll("command"), words);
  });

  it("takes no credential, identity or other protocol of the client's to the cluster", async () => {
    const protocols = [
      "base64url.bearer.authorization.k8s.io.Zm9v",
      "base64.channel.k8s.io",
      "v4.channel.k8s.io",
    ];
    const client = await openStream(gateway, execPath(query("ls")), protocols, {
      cookie: "a=b",
      origin: "http://evil",
    });
    await client.closed;
    assert.equal(client.socket.protocol, "v4.channel.k8s.io");
    const { headers } = server.upgrades.at(-1) ?? {};
    assert.equal(headers?.["sec-websocket-protocol"], "v4.channel.k8s.io");
    assert.equal(headers?.authorization, "Bearer the-gateway's");
    assert.equal(headers?.["impersonate-user"], "ana@acme.io");
    assert.equal(headers?.cookie, undefined);
    assert.equal(headers?.origin, undefined);
    assert.match(await refused(execPath(query("ls")), "k6", protocols.slice(0, 2)), /stream-protocol/);
  });
});

describe("another upgrade", () => {
  it("is refused, because nothing masks what would come in frames", async () => {
    const before = server.upgrades.length;
    const watch = "/api/v1/namespaces/prod-app/secrets?watch=true";
    assert.match(await refused(watch, "k7", ["v4.channel.k8s.io"]), /rule upgrade/);
    assert.equal(server.upgrades.length, before);
  });
});
