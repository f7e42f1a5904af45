import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { startFake, startProxy } from "./support/proxy.ts";
import { type Rig, type RigSession, startRig, targets } from "./support/rig.ts";
import { took, until, within } from "./support/wait.ts";

const timeout = 60_000;
const keepAlive = { pingEvery: 200, deadAfter: 1000 };

let rig: Rig;
let fakes: Record<string, object> = {};

/** Adds a target that is served on that port, as an operator would: by the configuration. */
async function pointAt(port: number, tls: string): Promise<string> {
  const name = `fake-${port}`;
  const postgres = { host: "127.0.0.1", port, tls, database: "app", user: "ihc_app", connect_timeout: "2s" };
  fakes = { ...fakes, [name]: { postgres, labels: { env: "open" } } };
  await rig.gateway.writeConfig((config) => ({
    ...config,
    targets: { ...targets(rig.postgres, {}).targets, ...fakes },
  }));
  assert.equal(await rig.gateway.gateway.reload(), undefined);
  return name;
}

async function failure(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("it did not fail");
}

before(async () => {
  rig = await startRig({ keepAlive });
});
after(() => rig.stop());

describe("connections that are half there", { concurrency: true }, () => {
  test("a client that is killed leaves no query behind", { timeout }, async (t) => {
    const session = await rig.session();
    const child = spawn("psql", ["-X", "-c", "select pg_sleep(30), 'killed client'"], {
      env: { ...process.env, ...psqlEnvironment(session) },
      stdio: "ignore",
    });
    await until(async () => (await rig.running("killed client")) === 1);
    child.kill("SIGKILL");
    const ms = await took(() => until(async () => (await rig.running("killed client")) === 0));
    t.diagnostic(`the query of a killed client was cancelled after ${ms.toFixed(0)} ms`);
    assert.ok(ms < 2000, `${ms} ms`);
  });

  test("a client whose socket is reset leaves no query behind", { timeout }, async () => {
    const session = await rig.session();
    const client = await session.connect();
    const query = client.query("select pg_sleep(30), 'reset client'").catch((error: unknown) => error);
    await until(async () => (await rig.running("reset client")) === 1);
    socketOf(client).resetAndDestroy();
    const ms = await took(() => until(async () => (await rig.running("reset client")) === 0));
    assert.ok(ms < 2000, `${ms} ms`);
    assert.ok((await query) instanceof Error);
  });

  test("a client that says Terminate and closes its half gets the end of the stream", {
    timeout,
  }, async () => {
    const session = await rig.session();
    const client = await session.connect();
    await client.query("select 1");
    const socket = socketOf(client);
    const closed = once(socket, "close");
    socket.end(Buffer.from([0x58, 0, 0, 0, 4]));
    await within(5000, "the other half closes too", closed);
    await until(() => session.listener.open() === 0, 5000);
    await until(async () => (await rig.owner(backendsOf(session.id))) === "0", 5000);
  });

  test("a database that dies in the middle of a query is told to the client, and others go on", {
    timeout,
  }, async () => {
    const session = await rig.session();
    const client = await session.connect();
    const query = client.query("select pg_sleep(30), 'dying backend'").catch((error: unknown) => error);
    await until(async () => (await rig.running("dying backend")) === 1);
    await rig.owner(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like '%dying backend%' and usename = 'ihc_app'",
    );
    const error = await within(5000, "the client hears of it", query);
    assert.ok(error instanceof Error && "code" in error && error.code === "57P01", String(error));
    const next = await session.connect();
    assert.deepEqual((await next.query("select 42 as answer")).rows, [{ answer: 42 }]);
    await next.end();
  });

  test("a local client that says nothing is let go at the handshake's deadline", { timeout }, async (t) => {
    const session = await rig.session();
    const silent = connect(session.port, "127.0.0.1");
    const ms = await took(() => within(45_000, "the silent client is let go", once(silent, "close")));
    t.diagnostic(`a silent client was let go after ${ms.toFixed(0)} ms`);
    await until(() => session.listener.open() === 0, 2000);
  });

  test("a network that goes silent ends both sides of the tunnel", { timeout }, async (t) => {
    const proxy = await startProxy(Number(new URL(rig.gateway.url).port));
    try {
      const session = await rig.session({ through: proxy.port, keepAlive });
      const client = await session.connect();
      const query = client.query("select pg_sleep(30), 'cut cable'").catch((error: unknown) => error);
      await until(async () => (await rig.running("cut cable")) === 1);
      proxy.stall();
      const ms = await took(async () => {
        await within(10_000, "the client hears of it", query);
        await until(async () => (await rig.running("cut cable")) === 0);
      });
      t.diagnostic(
        `a silent network was noticed and the query cancelled after ${ms.toFixed(0)} ms (deadAfter 1000)`,
      );
      await until(() => session.events.some((event) => event.kind === "closed" && event.lost));
    } finally {
      await proxy.stop();
    }
  });
});

describe("databases that do not answer", { concurrency: true }, () => {
  const cases = [
    {
      name: "a database that takes the connection and never answers",
      tls: "disable",
      serve: () => undefined,
    },
    {
      name: "a database that agrees to TLS and then says nothing",
      tls: "require",
      serve: (socket: Socket) => socket.once("data", () => socket.write("S")),
    },
    {
      name: "a database that agrees to TLS and hangs up",
      tls: "require",
      serve: (socket: Socket) =>
        socket.once("data", () => {
          socket.write("S");
          socket.once("data", () => socket.resetAndDestroy());
        }),
    },
    {
      name: "a database that agrees to TLS and resets in the same breath",
      tls: "verify-full",
      serve: (socket: Socket) => socket.once("data", () => socket.write("S", () => socket.resetAndDestroy())),
    },
    {
      name: "a database that sends its greeting byte by byte",
      tls: "disable",
      serve: (socket: Socket) => {
        const timer = setInterval(() => socket.write(Buffer.from("R")), 100);
        socket.once("close", () => clearInterval(timer));
      },
    },
  ] as const;
  for (const { name, tls, serve } of cases)
    test(`${name} gives a clear error in time, and the gateway goes on`, { timeout }, async (t) => {
      const fake = await startFake((socket) => void serve(socket));
      t.after(() => fake.stop());
      const session = await rig.session({ target: await pointAt(fake.port, tls) });
      const error = await within(8000, "an answer", failure(session.connect()));
      assert.ok("code" in error, String(error));
      assert.equal(error.code, "08001", error.message);
      assert.match(error.message, /^ihc: /);
      assert.equal((await fetch(`${rig.gateway.url}/healthz`)).status, 200);
    });

  test("a database that is not there gives a clear error at once", { timeout }, async () => {
    const fake = await startFake(() => undefined);
    await fake.stop();
    const session = await rig.session({ target: await pointAt(fake.port, "disable") });
    const error = await within(5000, "an answer", failure(session.connect()));
    assert.match(error.message, /cannot reach the database \(ECONNREFUSED\)/);
  });
});

function psqlEnvironment(session: RigSession): Record<string, string> {
  return {
    PGHOST: "127.0.0.1",
    PGPORT: String(session.port),
    PGUSER: "ihc",
    PGDATABASE: "app",
    PGPASSWORD: session.secret,
    PGSSLMODE: "disable",
  };
}

function backendsOf(session: string): string {
  return `select count(*) from pg_stat_activity where application_name like '%${session}%'`;
}

function socketOf(client: object): Socket {
  const { connection } = client as { connection: { stream: Socket } };
  return connection.stream;
}
