import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer, text } from "node:stream/consumers";
import { after, afterEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionEvent, type Listener, listen, type Where } from "../../src/agent/listener.ts";
import { IhcError } from "../../src/base/errors.ts";
import type { ServerTunnelEnd } from "../../src/tunnel/tunnel.ts";
import { farEnd } from "./tunnel-end.ts";

const home = mkdtempSync(join(tmpdir(), "ihc-l-"));
after(() => rmSync(home, { recursive: true, force: true }));
const cleanup: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const act of cleanup.splice(0).toReversed()) await act();
});

const echo = ({ stream }: ServerTunnelEnd): void =>
  void stream.on("error", () => stream.destroy()).pipe(stream);
const anyPort: Where = { kind: "port", port: 0 };

async function start(
  serve: ((end: ServerTunnelEnd) => void) | undefined,
  where: Where = anyPort,
): Promise<{ listener: Listener; events: ConnectionEvent[] }> {
  const far = await farEnd(serve);
  cleanup.push(far.close);
  const events: ConnectionEvent[] = [];
  const listener = await listen(where, far.open, (event) => events.push(event));
  cleanup.push(() => listener.close());
  return { listener, events };
}

function dial(listener: Listener): Socket {
  const socket = connect({ port: listener.address.port, host: "127.0.0.1", allowHalfOpen: true });
  cleanup.push(() => void socket.destroy());
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; waited < 500; waited += 1) {
    if (condition()) return;
    await sleep(10);
  }
  assert.fail("it did not come to that in 5 s");
}

test("bytes pass both ways, and an answer arrives after the client has closed its half", {
  timeout: 10_000,
}, async () => {
  const { listener, events } = await start(({ stream }) => {
    buffer(stream).then(
      (all) => stream.end(`got ${all.length}`),
      () => stream.destroy(),
    );
  });
  const socket = dial(listener);
  socket.end(Buffer.alloc(300_000, 7));
  assert.equal(await text(socket), "got 300000");
  await until(() => events.some((event) => event.kind === "closed"));
  assert.deepEqual(
    events.map((event) => event.kind),
    ["open", "closed"],
  );
});

test("one connection that hangs stalls no other", { timeout: 20_000 }, async () => {
  let first = true;
  const { listener } = await start((end) => {
    if (first) first = false;
    else echo(end);
  });
  const stuck = dial(listener);
  stuck.write(Buffer.alloc(8_000_000));
  await until(() => listener.open() === 1);
  for (let turn = 0; turn < 3; turn += 1) {
    const other = dial(listener);
    other.end("hello");
    assert.equal(await text(other), "hello");
  }
});

test("two hundred connections at once are served", { timeout: 60_000 }, async () => {
  const { listener } = await start(echo);
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, number) => {
      const socket = dial(listener);
      socket.end(`client ${number}`);
      return await text(socket);
    }),
  );
  assert.deepEqual(
    answers,
    Array.from({ length: 200 }, (_, number) => `client ${number}`),
  );
});

test("a port that is taken is a conflict, not another port", { timeout: 10_000 }, async () => {
  const squatter = createServer().listen(0, "127.0.0.1");
  await once(squatter, "listening");
  cleanup.push(() => void squatter.close());
  const address = squatter.address();
  assert.ok(typeof address === "object" && address !== null);
  await assert.rejects(
    start(echo, { kind: "port", port: address.port }),
    (error) => error instanceof IhcError && error.code === "conflict",
  );
});

test("the port is open on the loopback interface only", { timeout: 10_000 }, async () => {
  const { listener } = await start(echo);
  const socket = connect({ port: listener.address.port, host: "127.0.0.2" });
  const [error] = await once(socket, "error");
  assert.equal(error.code, "ECONNREFUSED");
});

test("a unix socket is ours alone, in a folder that is ours alone", { timeout: 10_000 }, async () => {
  const folder = join(home, "sock");
  const { listener } = await start(echo, { kind: "socket", folder, name: ".s.PGSQL.5432", port: 5432 });
  assert.equal(listener.address.socket, folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, ".s.PGSQL.5432")).mode & 0o777, 0o600);
  const socket = connect({ path: join(folder, ".s.PGSQL.5432"), allowHalfOpen: true });
  socket.end("through the socket");
  assert.equal(await text(socket), "through the socket");
});

test("a folder that others may enter is refused for a unix socket", { timeout: 10_000 }, async () => {
  const folder = mkdtempSync(join(home, "open-"));
  chmodSync(folder, 0o755);
  await assert.rejects(
    start(echo, { kind: "socket", folder, name: "s", port: 5432 }),
    (error) => error instanceof IhcError && error.code === "config",
  );
});

test("a socket in use and a plain file in its place are conflicts; a socket left by a crash is replaced", {
  timeout: 10_000,
}, async () => {
  const where: Where = { kind: "socket", folder: join(home, "crash"), name: "s", port: 5432 };
  await start(echo, where);
  const conflict = (error: unknown): boolean => error instanceof IhcError && error.code === "conflict";
  await assert.rejects(start(echo, where), conflict);
  const other: Where = { ...where, name: "file" };
  writeFileSync(join(home, "crash", "file"), "");
  await assert.rejects(start(echo, other), conflict);
});

test("a refusal by the gateway closes the local connection and is told with its hint", {
  timeout: 10_000,
}, async () => {
  const { listener, events } = await start(undefined);
  assert.equal(await text(dial(listener)), "");
  await until(() => events.length > 0);
  const [event] = events;
  assert.ok(event?.kind === "refused" && event.error instanceof IhcError);
  assert.deepEqual(
    [event.error.code, event.error.message, event.error.hint],
    ["denied", "the grant has ended", "ask again"],
  );
});

test("the gateway's reason for ending reaches the person", { timeout: 10_000 }, async () => {
  const { listener, events } = await start((end) => end.end("the grant was revoked"));
  const socket = dial(listener);
  await text(socket);
  await until(() => events.some((event) => event.kind === "closed"));
  const closed = events.find((event) => event.kind === "closed");
  assert.equal(closed?.kind === "closed" ? closed.reason : "", "the grant was revoked");
});

test("cut ends what is open and keeps the port", { timeout: 10_000 }, async () => {
  const { listener } = await start(echo);
  const before = dial(listener);
  before.on("error", () => before.destroy()).on("end", () => before.end());
  before.write("x");
  await once(before, "data");
  before.resume();
  listener.cut();
  await once(before, "close");
  const next = dial(listener);
  next.end("still here");
  assert.equal(await text(next), "still here");
});
