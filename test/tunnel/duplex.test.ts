import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { finished } from "node:stream/promises";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { IhcError } from "../../src/base/errors.ts";
import { openTunnel } from "../../src/tunnel/client.ts";
import type { TunnelEnd } from "../../src/tunnel/tunnel.ts";
import { type TunnelServer, tunnelServer } from "./support.ts";

const timeout = 20_000;
let server: TunnelServer;

before(async () => {
  server = await tunnelServer();
});
after(() => server.stop());

function open(): Promise<TunnelEnd> {
  return openTunnel({ url: server.url, headers: async () => ({}) });
}

test("bytes pass both ways unchanged, in pieces of any size", { timeout }, async () => {
  const [client, gateway] = await Promise.all([open(), server.next()]);
  gateway.stream.pipe(gateway.stream);
  const sent = Buffer.alloc(3 * 1024 * 1024 + 17, "0123456789abcdef");
  const received = buffer(client.stream);
  for (let at = 0, size = 1; at < sent.length; at += size, size = Math.min(size * 3, 2_000_000)) {
    if (!client.stream.write(sent.subarray(at, at + size))) await once(client.stream, "drain");
  }
  client.stream.end();
  assert.ok((await received).equals(sent));
});

test("a reply that starts after the client's end of file still arrives whole", { timeout }, async () => {
  const [client, gateway] = await Promise.all([open(), server.next()]);
  client.stream.end("question");
  assert.equal(await text(gateway.stream), "question");
  gateway.stream.write("late ");
  await new Promise((resolve) => setTimeout(resolve, 50));
  gateway.stream.end("reply");
  assert.equal(await text(client.stream), "late reply");
  assert.equal(await client.ended, undefined);
});

test("the gateway may end its direction first and go on reading", { timeout }, async () => {
  const [client, gateway] = await Promise.all([open(), server.next()]);
  gateway.stream.end("goodbye");
  assert.equal(await text(client.stream), "goodbye");
  client.stream.end("still here");
  assert.equal(await text(gateway.stream), "still here");
});

test("the gateway's reason reaches the client behind the last bytes", { timeout }, async () => {
  const [client, gateway] = await Promise.all([open(), server.next()]);
  gateway.stream.write("last words");
  gateway.end("the grant was revoked");
  assert.equal(await text(client.stream), "last words");
  assert.equal(await client.ended, "the grant was revoked");
  await finished(client.stream, { error: false }).catch((error: NodeJS.ErrnoException) =>
    assert.equal(error.code, "ERR_STREAM_PREMATURE_CLOSE"),
  );
});

test("a tunnel that is cut surfaces as an error, never as an end of file", { timeout }, async () => {
  const [client, gateway] = await Promise.all([open(), server.next()]);
  const failed = once(client.stream, "error");
  client.stream.resume();
  gateway.stream.destroy();
  const [error] = await failed;
  assert.ok(error instanceof IhcError);
  assert.equal(error.code, "unavailable");
});

test("a stalled reader stops the writer and does not grow memory", { timeout }, async () => {
  const [client, gateway] = await Promise.all([open(), server.next()]);
  const block = Buffer.alloc(64 * 1024, 7);
  const total = 64 * 1024 * 1024;
  const before = memory();
  let written = 0;
  let stuck = false;
  while (!stuck && written < total) {
    written += block.length;
    if (!gateway.stream.write(block)) {
      const drained = once(gateway.stream, "drain").then(() => true);
      stuck = !(await Promise.race([drained, delay(300)]));
    }
  }
  assert.ok(stuck, "the writer was never held back");
  // Both kernels' socket buffers take some megabytes; our own share must stay small.
  assert.ok(written < 24 * 1024 * 1024, `${written} bytes went out to nobody`);
  assert.ok(memory() - before < 8 * 1024 * 1024, `memory grew by ${memory() - before}`);
  gateway.stream.end();
  let read = 0;
  for await (const chunk of client.stream) read += (chunk as Buffer).length;
  assert.equal(read, written);
  client.stream.end();
  await client.ended;
});

test("200 tunnels at once each carry their own bytes, while one of them hangs", { timeout }, async () => {
  const hanging = await open();
  await server.next();
  const echo = async (n: number): Promise<string> => {
    const { stream } = await open();
    stream.end(`tunnel ${n}`);
    return text(stream);
  };
  const serve = (async () => {
    for (let n = 0; n < 200; n++) {
      const { stream } = await server.next();
      stream.pipe(stream);
    }
  })();
  const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => echo(n)));
  await serve;
  assert.deepEqual(
    answers,
    Array.from({ length: 200 }, (_, n) => `tunnel ${n}`),
  );
  hanging.stream.destroy();
});

test("bytes that come right behind the handshake are not lost", { timeout }, async () => {
  const raw = await handshake();
  raw.write(Buffer.concat([frame(0x82, "hello"), frame(0x81, '{"t":"eof"}')]));
  const gateway = await server.next();
  assert.equal(await text(gateway.stream), "hello");
  raw.destroy();
});

for (const [what, bytes] of [
  ["an unmasked frame", Buffer.from([0x82, 0x01, 0x41])],
  ["a reserved opcode", frame(0x83, "x")],
  ["a reserved bit", frame(0xc2, "x")],
  ["a fragmented control frame", frame(0x09, "x")],
  ["a message over the limit", Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0])],
  ["a text frame that is no JSON", frame(0x81, "eof")],
  ["a text frame with an unknown word", frame(0x81, '{"t":"open"}')],
  ["a text frame that is not an object", frame(0x81, "null")],
  ["bytes after the end of file", Buffer.concat([frame(0x81, '{"t":"eof"}'), frame(0x82, "more")])],
] as const) {
  test(`${what} from the client closes the tunnel`, { timeout }, async () => {
    const raw = await handshake();
    const gateway = await server.next();
    const failed = once(gateway.stream, "error");
    gateway.stream.resume();
    raw.resume();
    raw.write(bytes);
    const [error] = await failed;
    assert.ok(error instanceof IhcError);
    raw.end();
    await once(raw, "close");
  });
}

test("a peer that answers no ping is closed, one that only stalls is not", { timeout }, async () => {
  const strict = await tunnelServer({ pingEvery: 50, deadAfter: 200 });
  try {
    const silent = new WebSocket(strict.url, { autoPong: false, perMessageDeflate: false });
    const dead = await strict.next();
    dead.stream.resume();
    const [error] = await once(dead.stream, "error");
    assert.ok(error instanceof IhcError);
    silent.on("error", () => silent.terminate());

    const quick = { pingEvery: 50, deadAfter: 200 };
    const stalled = await openTunnel({ url: strict.url, headers: async () => ({}) }, quick);
    const gateway = await strict.next();
    gateway.stream.resume();
    await delay(600);
    assert.equal(gateway.stream.destroyed, false);
    stalled.stream.destroy();
  } finally {
    await strict.stop();
  }
});

test("the client's mask is zero on loopback and there is no deflate", { timeout }, async () => {
  const [client, gateway] = await Promise.all([open(), server.next()]);
  client.stream.end("plain");
  assert.equal(await text(gateway.stream), "plain");
  gateway.stream.end();
  client.stream.resume();
  await client.ended;
});

test("a gateway that is not there is an IhcError with a hint", { timeout }, async () => {
  await assert.rejects(
    openTunnel({ url: new URL("ws://127.0.0.1:1/"), headers: async () => ({}) }),
    (error: unknown) => error instanceof IhcError && error.code === "unavailable" && error.hint !== undefined,
  );
});

test("giving up while the gateway does not answer rejects as canceled", { timeout }, async () => {
  const { createServer } = await import("node:net");
  const mute = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(mute, "listening");
  const address = mute.address();
  assert.ok(typeof address === "object" && address !== null);
  const giveUp = new AbortController();
  const opening = openTunnel({
    url: new URL(`ws://127.0.0.1:${address.port}/`),
    headers: async () => ({}),
    signal: giveUp.signal,
  });
  setTimeout(() => giveUp.abort(), 50);
  await assert.rejects(opening, (error: unknown) => error instanceof IhcError && error.code === "canceled");
  mute.close();
});

/** A client WebSocket spoken by hand, so that it can break the rules. */
async function handshake(): Promise<Duplex> {
  const raw = connect(Number(server.url.port), "127.0.0.1");
  raw.write(
    "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const [head] = await once(raw, "data");
  assert.match(String(head), /^HTTP\/1.1 101 /);
  assert.doesNotMatch(String(head), /permessage-deflate/i);
  return raw;
}

/** A masked client frame with a mask of zeros. */
function frame(first: number, payload: string): Buffer {
  const body = Buffer.from(payload);
  return Buffer.concat([Buffer.from([first, 0x80 | body.length, 0, 0, 0, 0]), body]);
}

function delay(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms));
}

function memory(): number {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}
