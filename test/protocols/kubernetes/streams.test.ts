import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { WebSocket } from "ws";
import { IhcError } from "../../../src/base/errors.ts";
import { type K8sGateway, startK8sGateway } from "../../support/k8s-gateway.ts";
import { type StreamServer, startStreamServer } from "../../support/kubernetes/stream-server.ts";
import { eventsOf, execPath, failure, frame, openStream, recorded, success, until } from "./stream-client.ts";

const canary = "alice.canary@example.com";
const shell = execPath("command=sh&stdin=true&stdout=true&stderr=true");
const plain = execPath("command=cat&command=/x&stdout=true&stderr=true");
const terminal = execPath("command=sh&stdin=true&stdout=true&tty=true");

let server: StreamServer;
let gateway: K8sGateway;
const started: K8sGateway[] = [];

async function newGateway(settings: Readonly<Record<string, unknown>> = {}): Promise<K8sGateway> {
  const opened = await startK8sGateway({
    settings: { server: server.url, ca: server.caFile, credential: { token: "env:T" }, ...settings },
    secrets: { "env:T": "the-gateway's" },
    masking: { rules: [{ detect: ["email", "card", "private-key"], how: "redact" }], mode: "strict" },
  });
  started.push(opened);
  return opened;
}

/** The far end of the next stream. */
function nextStream(): Promise<WebSocket> {
  return new Promise((resolve) => {
    server.take = resolve;
  });
}

async function both(target: string, protocols?: readonly string[]) {
  const far = nextStream();
  const client = await openStream(gateway, target, protocols);
  const cluster = await far;
  const heard: Buffer[] = [];
  cluster.on("message", (data: Buffer) => heard.push(data));
  return { client, cluster, heard };
}

before(async () => {
  server = await startStreamServer();
});
beforeEach(async () => {
  server.protocols = ["v5.channel.k8s.io", "v4.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"];
  server.refusal = undefined;
  gateway = await newGateway();
});
after(async () => {
  await Promise.all(started.map((each) => each.stop()));
  await server.stop();
});

describe("the output of a command", () => {
  it("is masked wherever the cluster's frames cut it, and recorded as it was shown", async () => {
    const text = Buffer.from(`é to ${canary}, card 4111 1111 1111 1111.\n`);
    for (const channel of [1, 2])
      for (let cut = 1; cut < text.length; cut++) {
        const { client, cluster } = await both(plain);
        cluster.send(frame(channel, text.subarray(0, cut)));
        cluster.send(frame(channel, text.subarray(cut)));
        cluster.send(frame(3, success));
        cluster.close(1000);
        await client.closed;
        assert.equal(client.on(channel), "é to [redacted], card [redacted].\n", `cut at ${cut}`);
      }
    assert.doesNotMatch(JSON.stringify(gateway.events), /canary|4111/);
    assert.match(recorded(gateway, "out"), /^é to \[redacted\], card \[redacted\]\.\n/);
    assert.match(recorded(gateway, "err"), /^é to \[redacted\], card \[redacted\]\.\n/);
  });

  it("keeps stdout and stderr apart, and what is held back of one does not wait for the other", async () => {
    const { client, cluster } = await both(plain);
    cluster.send(frame(1, "alice.can"));
    cluster.send(frame(2, "an error\n"));
    await until(() => client.on(2) === "an error\n", "stderr");
    cluster.send(frame(1, "ary@example.com\n"));
    cluster.send(frame(3, success));
    cluster.close();
    await client.closed;
    assert.equal(client.on(1), "[redacted]\n");
  });

  it("is shown at once where it is a prompt or what somebody has typed, and still recorded whole", async () => {
    const { client, cluster } = await both(terminal);
    cluster.send(frame(1, "password: "));
    await until(() => client.on(1) === "password: ", "the prompt");
    cluster.send(frame(1, "\r\n"));
    for (const typed of canary) {
      client.socket.send(frame(0, typed));
      await sleep(1);
      cluster.send(frame(1, typed));
    }
    await until(() => client.on(1).length > 20, "the echo");
    cluster.send(frame(1, "\r\n"));
    cluster.send(frame(3, success));
    cluster.close();
    await client.closed;
    assert.equal(recorded(gateway, "out"), "password: \r\n[redacted]\r\n");
  });

  it("is not cut where the second half of a value is late", async () => {
    const { client, cluster } = await both(terminal);
    for (const piece of ["to alice.canary@exam", "ple.com, card 4111 1111 ", "1111 1111\r\n"]) {
      cluster.send(frame(1, piece));
      await sleep(100);
    }
    await until(() => client.on(1).endsWith("\r\n"), "the line");
    assert.equal(client.on(1), "to [redacted], card [redacted]\r\n");
    client.socket.close();
  });

  it("never shows the rest of a private key, however slowly it comes", async () => {
    const { client, cluster } = await both(terminal);
    for (const piece of [
      "-----BEGIN PRI",
      "VATE KEY-----\nMIIcanary",
      "\nMIIcanary\n",
      "-----END PRIVATE KEY-----\nafter\n",
    ]) {
      cluster.send(frame(1, piece));
      await sleep(60);
    }
    await until(() => client.on(1).includes("after"), "the text after the key");
    assert.equal(client.on(1), "[redacted]\nafter\n");
    client.socket.close();
  });

  it("waits in the cluster while the client does not read", async () => {
    const { client, cluster } = await both(plain);
    client.socket.pause();
    const block = frame(1, Buffer.alloc(64 * 1024, "x\n"));
    const blocks = 1024;
    for (let sent = 0; sent < blocks; sent++) cluster.send(block);
    await sleep(700);
    assert.ok(cluster.bufferedAmount > 32 * 1024 * 1024, `only ${cluster.bufferedAmount} bytes wait`);
    client.socket.resume();
    cluster.send(frame(3, success));
    cluster.close(1000);
    await client.closed;
    assert.equal(client.on(1).length, blocks * 64 * 1024);
    const [note] = eventsOf(gateway, "note");
    assert.match(note?.text ?? "", /recording limit/);
    assert.equal(recorded(gateway, "out").length, 4 * 1024 * 1024);
  });
});

describe("the end of a command", () => {
  it("comes from the error channel, in whatever pieces, after all output", async () => {
    const status = Buffer.from(failure(3));
    for (const cut of [0, 1, 17, status.length - 1]) {
      const { client, cluster } = await both(plain);
      cluster.send(frame(1, "held@back"));
      cluster.send(frame(3, status.subarray(0, cut)));
      cluster.send(frame(3, status.subarray(cut)));
      cluster.close(1000);
      assert.equal((await client.closed).code, 1000);
      assert.deepEqual(JSON.parse(client.on(3)), JSON.parse(failure(3)));
      assert.deepEqual(
        client.messages.map(([channel]) => channel),
        [1, 3],
      );
    }
    await until(() => eventsOf(gateway, "result").length === 4, "results");
    assert.match(eventsOf(gateway, "result")[0]?.status ?? "", /^exit 3, 0 bytes in, 9 bytes out$/);
  });

  it("is masked where its message quotes values", async () => {
    const { client, cluster } = await both(plain);
    const message = `executing "echo ${canary}": not found`;
    cluster.send(frame(3, JSON.stringify({ status: "Failure", message })));
    cluster.close();
    await client.closed;
    assert.match(client.on(3), /not found/);
    assert.doesNotMatch(client.on(3), /canary/);
  });

  it("comes within a second of the session's, with the reason, on both sides", async () => {
    const { client, cluster } = await both(terminal);
    const gone = new Promise((resolve) => cluster.once("close", resolve));
    cluster.send(frame(1, "$ "));
    await until(() => client.on(1) === "$ ", "the prompt");
    gateway.revoke(new IhcError("denied", "grant grt_1 was revoked by lee"));
    const late = AbortSignal.timeout(1000);
    await Promise.race([
      Promise.all([client.closed, gone]),
      new Promise((_, reject) => late.addEventListener("abort", reject)),
    ]);
    assert.match(client.on(1), /ihc: the session has ended: grant grt_1 was revoked by lee/);
    assert.match(JSON.parse(client.on(3)).message, /revoked by lee/);
  });

  it("comes when the client goes, and then the cluster's side ends too", async () => {
    const { client, cluster } = await both(shell);
    const gone = new Promise((resolve) => cluster.once("close", resolve));
    client.socket.terminate();
    await gone;
    await until(() => eventsOf(gateway, "result").length === 1, "the result");
    assert.match(eventsOf(gateway, "result")[0]?.status ?? "", /^the client has gone/);
  });
});

describe("what a client sends", () => {
  it("reaches the command, is not recorded, and ends when the client says so", async () => {
    const { client, cluster, heard } = await both(shell);
    client.socket.send(frame(0, "hunter2\n"));
    client.socket.send(frame(4, '{"Width":120,"Height":40}'));
    client.socket.send(Buffer.of(255, 0));
    await until(() => heard.length === 3, "three frames");
    assert.deepEqual(heard, [
      frame(0, "hunter2\n"),
      frame(4, '{"Width":120,"Height":40}'),
      Buffer.of(255, 0),
    ]);
    cluster.send(frame(3, success));
    cluster.close();
    await client.closed;
    assert.doesNotMatch(JSON.stringify(gateway.events), /hunter2/);
    assert.match(eventsOf(gateway, "result")[0]?.status ?? "", /^exit 0, 8 bytes in/);
    const [size] = eventsOf(gateway, "resize");
    assert.deepEqual([size?.columns, size?.rows], [120, 40]);
  });

  it("is recorded masked where the target's settings ask for it", async () => {
    gateway = await newGateway({ record_stdin: true });
    const { client, cluster } = await both(shell);
    client.socket.send(frame(0, "echo alice.can"));
    client.socket.send(frame(0, "ary@example.com\n"));
    client.socket.send(Buffer.of(255, 0));
    cluster.on("message", (data: Buffer) => data[0] === 255 && cluster.close());
    await client.closed;
    assert.equal(recorded(gateway, "in"), "echo [redacted]\n");
  });

  it("ends the stream when it is on a channel that is not its own, or no binary message", async () => {
    for (const message of [frame(1, "x"), frame(3, success), frame(7, "x"), Buffer.of(255, 1), "text"]) {
      const { client, cluster, heard } = await both(shell);
      const gone = new Promise((resolve) => cluster.once("close", resolve));
      client.socket.send(message);
      await Promise.all([client.closed, gone]);
      assert.deepEqual(heard, []);
      assert.match(client.on(2), /^ihc: the client /);
    }
  });

  it("may be cut into frames anywhere, also inside of their heads", async () => {
    const { client, heard } = await both(shell);
    const message = randomBytes(300);
    client.socket.send(frame(0, message));
    for (let at = 0; at < message.length; at += 7) client.socket.send(frame(0, message.subarray(at, at + 7)));
    await until(() => heard.length === 44, "all frames");
    const all = Buffer.concat(heard.map((data) => data.subarray(1)));
    assert.deepEqual(all, Buffer.concat([message, message]));
    // One message as two fragments of a WebSocket.
    client.socket.send(frame(0, "ab"), { fin: false });
    client.socket.send("cd", { fin: true, binary: true });
    await until(() => heard.length === 45, "the fragments");
    assert.deepEqual(heard.at(-1), frame(0, "abcd"));
    client.socket.close();
  });

  it("is answered when it is a ping, which keeps the cluster's side awake too", async () => {
    const { client, cluster } = await both(shell);
    const passed = new Promise<Buffer>((resolve) => cluster.once("ping", resolve));
    const pong = new Promise<Buffer>((resolve) => client.socket.once("pong", resolve));
    client.socket.ping("are you there");
    assert.equal((await pong).toString("utf8"), "are you there");
    assert.equal((await passed).toString("utf8"), "are you there");
    client.socket.close();
  });
});

describe("a port-forward", () => {
  it("passes bytes both ways, counts them, and ends with the session", async () => {
    const target = "/api/v1/namespaces/prod-app/pods/web/portforward";
    const { client, cluster, heard } = await both(target, ["SPDY/3.1+portforward.k8s.io"]);
    const there = randomBytes(100_000);
    client.socket.send(there);
    cluster.send(Buffer.from(canary));
    await until(() => heard.length === 1 && client.messages.length === 1, "both messages");
    assert.deepEqual(heard[0], there);
    assert.equal(client.messages[0]?.toString("utf8"), canary);
    gateway.revoke(new Error("over"));
    await client.closed;
    await until(() => eventsOf(gateway, "result").length === 1, "the result");
    assert.match(eventsOf(gateway, "result")[0]?.status ?? "", /100000 bytes in, 24 bytes out$/);
    assert.doesNotMatch(JSON.stringify(gateway.events), /canary/);
    const [operation] = eventsOf(gateway, "operation");
    assert.equal(operation?.kind, "portforward");
  });
});
