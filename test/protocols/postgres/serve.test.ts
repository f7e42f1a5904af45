import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import postgresJs from "postgres";
import { IhcError } from "../../../src/base/errors.ts";
import { newId } from "../../../src/base/ids.ts";
import type { Approvals, Reviewed } from "../../../src/core/session/approvals.ts";
import { type PgGateway, type PgGatewayOptions, startPgGateway } from "../../support/pg-gateway.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";

const run = promisify(execFile);
let server: PostgresServer;

before(async () => {
  server = await startPostgres({ contrib: true, auth: "scram" });
  const admin = new pg.Client(server.url("postgres"));
  await admin.connect();
  await admin.query("create role writer login superuser password 'w'");
  await admin.query("create table items (id int primary key, name text, owner text)");
  await admin.query(
    "insert into items select i, 'item ' || i, 'ana@shop.example' from generate_series(1, 100) i",
  );
  await admin.end();
});

after(() => server.stop());

const policy = `
@id("all") permit (principal, action, resource);
@id("no-unbounded-delete") forbid (principal, action, resource) when { context.traits.contains("no-where") };
`;
const holding = `
@id("all") permit (principal, action, resource);
@id("two-people") @approve("sre-leads") @within("30m")
forbid (principal, action == Action::"write", resource) unless { context.approvedBy.contains("sre-leads") };
`;

async function withGateway(
  options: Partial<PgGatewayOptions>,
  work: (gateway: PgGateway) => Promise<void>,
): Promise<void> {
  const gateway = await startPgGateway({
    policy,
    secrets: { "env:PW": server.password },
    ...options,
    settings: {
      host: server.host,
      port: server.port,
      database: "postgres",
      tls: "disable",
      user: "postgres",
      password: "env:PW",
      allow_superuser: true,
      ...options.settings,
    },
  });
  try {
    await work(gateway);
  } finally {
    await gateway.stop();
  }
}

async function withClient(gateway: PgGateway, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({
    host: "127.0.0.1",
    port: gateway.port,
    user: "ihc",
    password: gateway.password,
    database: "postgres",
  });
  client.on("error", () => client.removeAllListeners("notice"));
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end().catch((error: unknown) => assert.ok(error instanceof Error));
  }
}

async function refusal(work: Promise<unknown>): Promise<{ code: string; message: string; hint: string }> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof Error);
    const { code = "", message, hint = "" } = error as Error & { code?: string; hint?: string };
    return { code, message, hint };
  }
  throw new assert.AssertionError({ message: "it should have been refused" });
}

async function direct(sql: string): Promise<unknown[][]> {
  const admin = new pg.Client(server.url("postgres"));
  await admin.connect();
  const { rows } = await admin.query({ text: sql, rowMode: "array" });
  await admin.end();
  return rows;
}

/** Polls the server itself until the query answers as wanted, for at most five seconds. */
async function until(sql: string, wanted: unknown): Promise<void> {
  for (let i = 0; i < 50; i++) {
    const [row] = await direct(sql);
    if (row?.[0] === wanted) return;
    await sleep(100);
  }
  assert.fail(`never true: ${sql}`);
}

test("a superuser is refused unless the target allows one, and the refusal says why", {
  timeout: 30_000,
}, async () => {
  await withGateway({ settings: { allow_superuser: false } }, async (gateway) => {
    const client = new pg.Client({
      host: "127.0.0.1",
      port: gateway.port,
      user: "ihc",
      password: gateway.password,
      database: "postgres",
    });
    client.on("error", () => undefined);
    await assert.rejects(client.connect(), /the target's role postgres is a superuser/);
  });
});

test("psql runs queries, describes tables and copies both ways", () =>
  withGateway({}, async (gateway) => {
    const script =
      "create table copied (a int, b text);\n\\copy copied from program 'printf \"1\\tx\\n2\\ty\\n\"'\nselect * from copied order by a;\n\\d copied\ncopy copied to stdout;\ndrop table copied;\n";
    const child = spawn("psql", ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", gateway.url()], {
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.end(script);
    const [out, err] = await Promise.all([
      child.stdout.toArray(),
      child.stderr.toArray(),
      once(child, "close"),
    ]);
    assert.equal(Buffer.concat(err).toString(), "");
    assert.equal(Buffer.concat(out).toString(), "1|x\n2|y\na|integer|||\nb|text|||\n1\tx\n2\ty\n");
  }));

test("the journal has the statement, its verdict, its columns, its rows and its counts", () =>
  withGateway({}, async (gateway) => {
    await withClient(gateway, async (client) => {
      await client.query("select id, name from items where id = $1", [7]);
    });
    assert.deepEqual(
      gateway.events.map(({ type }) => type),
      ["operation", "verdict", "columns", "rows", "result"],
    );
    const [operation, , , , result] = gateway.events;
    assert.ok(operation?.type === "operation" && result?.type === "result");
    assert.deepEqual(operation.parameters, ["7"]);
    assert.equal(result.rows, 1);
    assert.equal(result.status, "SELECT 1");
  }));

test("a refused simple query leaves an idle connection idle and an open transaction failed", () =>
  withGateway({}, (gateway) =>
    withClient(gateway, async (client) => {
      const denied = await refusal(client.query("delete from items"));
      assert.equal(denied.code, "42501");
      assert.match(denied.message, /^ihc: denied by rule no-unbounded-delete: /);
      assert.equal((await client.query("select 1 as one")).rows[0].one, 1);
      await client.query("begin");
      await refusal(client.query("delete from items"));
      assert.equal((await refusal(client.query("select 1"))).code, "25P02");
      await client.query("rollback");
      assert.equal((await client.query("select count(*)::int as n from items")).rows[0].n, 100);
    }),
  ));

test("a refused prepared statement does the same, and its name stays free", () =>
  withGateway({}, (gateway) =>
    withClient(gateway, async (client) => {
      const denied = await refusal(
        client.query({ name: "bad", text: "delete from items where $1 = 1", values: [1] }),
      );
      assert.ok(
        ["42501", "42P18", "42883"].includes(denied.code) || denied.message.includes("ihc"),
        denied.message,
      );
      await client.query("begin");
      await refusal(client.query({ text: "delete from items", values: [], name: "worse" }));
      assert.equal((await refusal(client.query("select $1::int", [1]))).code, "25P02");
      await client.query("rollback");
      for (let i = 0; i < 3; i++)
        assert.equal(
          (await client.query({ name: "good", text: "select $1::int + 1 as n", values: [i] })).rows[0].n,
          i + 1,
        );
    }),
  ));

test("the postgres driver pipelines, reads with a cursor, listens and copies", () =>
  withGateway({}, async (gateway) => {
    const sql = postgresJs(gateway.url(), { max: 1, onnotice: () => undefined });
    try {
      const answers = await Promise.all([
        sql`select 1 as n`,
        sql`select ${2}::int as n`,
        sql`select ${3}::int as n`,
      ]);
      assert.deepEqual(
        answers.map(([row]) => ({ ...row })),
        [{ n: 1 }, { n: 2 }, { n: 3 }],
      );
      let seen = 0;
      await sql`select * from items`.cursor(30, (rows) => {
        seen += rows.length;
      });
      assert.equal(seen, 100);
      const heard = Promise.withResolvers<string>();
      await sql.listen("ihc_test", heard.resolve);
      await sql.notify("ihc_test", "hello");
      assert.equal(await Promise.race([heard.promise, sleep(5000, "silence", { ref: false })]), "hello");
      const mixed = await Promise.allSettled([
        sql`select 1 as n`,
        sql`delete from items`,
        sql`select 2 as n`,
      ]);
      assert.deepEqual(
        mixed.map(({ status }) => status),
        ["fulfilled", "rejected", "fulfilled"],
      );
    } finally {
      await sql.end({ timeout: 2 });
    }
  }));

test("a held statement says so at once, runs when approved and is refused when denied", async () => {
  const answers: Reviewed["kind"][] = ["approved", "denied"];
  const request = newId("req");
  const approvals: Approvals = {
    review: async (_op, hold, _digest, { onHold }) => {
      onHold({ request, hold, expiresAt: new Date(Date.now() + 60_000) });
      await sleep(200);
      const kind = answers.shift() ?? "expired";
      return kind === "canceled" || kind === "expired" ? { kind, request } : { kind, request, by: ["lee"] };
    },
    use: async () => true,
  };
  await withGateway({ policy: holding, approvals }, (gateway) =>
    withClient(gateway, async (client) => {
      const notices: string[] = [];
      client.on("notice", ({ message }) => notices.push(message ?? ""));
      const done = await client.query("update items set name = 'held' where id = 1");
      assert.equal(done.rowCount, 1);
      assert.deepEqual(notices, [
        `ihc: held for approval as ${request} (rule two-people); waiting for sre-leads`,
      ]);
      const denied = await refusal(client.query("update items set name = $1 where id = 1", ["no"]));
      assert.match(denied.message, /denied by rule two-people.*denied by lee/);
      assert.equal((await client.query("select name from items where id = 1")).rows[0].name, "held");
    }),
  );
});

test("a client that leaves or cancels while it is held takes its request with it", async () => {
  const ended: string[] = [];
  const approvals: Approvals = {
    review: async (_op, hold, _digest, { onHold, signal }) => {
      const request = newId("req");
      onHold({ request, hold, expiresAt: new Date(Date.now() + 60_000) });
      if (!signal.aborted) await once(signal, "abort");
      ended.push("canceled");
      return { kind: "canceled", request };
    },
    use: async () => false,
  };
  await withGateway({ policy: holding, approvals }, async (gateway) => {
    const psql = spawn("psql", ["-X", gateway.url(), "-c", "update items set name = 'x' where id = 2"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await once(psql.stderr, "data");
    psql.kill("SIGINT");
    await once(psql, "close");
    assert.deepEqual(ended, ["canceled"]);
    const gone = spawn("psql", ["-X", gateway.url(), "-c", "update items set name = 'x' where id = 2"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await once(gone.stderr, "data");
    gone.kill("SIGKILL");
    await once(gone, "close");
    for (let i = 0; i < 30 && ended.length < 2; i++) await sleep(100);
    assert.deepEqual(ended, ["canceled", "canceled"]);
  });
});

test("Ctrl-C stops the query at the server", () =>
  withGateway({}, async (gateway) => {
    const psql = spawn("psql", ["-X", gateway.url(), "-c", "select pg_sleep(47)"], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    await until(
      "select count(*)::int from pg_stat_activity where state = 'active' and query = 'select pg_sleep(47)'",
      1,
    );
    psql.kill("SIGINT");
    const [errors] = await Promise.all([psql.stderr.toArray(), once(psql, "close")]);
    assert.match(Buffer.concat(errors).toString(), /canceling statement due to user request/);
  }));

test("the end of the session cuts the client and the query within a second or two", () =>
  withGateway({}, async (gateway) => {
    await withClient(gateway, async (client) => {
      const asleep = refusal(client.query("select pg_sleep(48)"));
      await until(
        "select count(*)::int from pg_stat_activity where state = 'active' and query = 'select pg_sleep(48)'",
        1,
      );
      gateway.revoke(new IhcError("denied", "grant gra_1 was revoked"));
      const cut = await asleep;
      assert.equal(cut.code, "57P01");
      assert.match(cut.message, /was revoked/);
      await until(
        "select count(*)::int from pg_stat_activity where query = 'select pg_sleep(48)' and application_name <> ''",
        0,
      );
    });
  }));

test("a client that vanishes leaves no query behind", () =>
  withGateway({}, async (gateway) => {
    const psql = spawn("psql", ["-X", gateway.url(), "-c", "select pg_sleep(49)"], { stdio: "ignore" });
    await until(
      "select count(*)::int from pg_stat_activity where state = 'active' and query = 'select pg_sleep(49)'",
      1,
    );
    psql.kill("SIGKILL");
    await until(
      "select count(*)::int from pg_stat_activity where query = 'select pg_sleep(49)' and application_name <> ''",
      0,
    );
  }));

test("a stalled client with a big result is cut too, and memory stays bounded", () =>
  withGateway({}, (gateway) =>
    withClient(gateway, async (client) => {
      const { stream } = client.connection;
      const lost = refusal(client.query("select repeat('x', 1000) from generate_series(1, 300000)"));
      stream.pause();
      await sleep(1500);
      const used = process.memoryUsage().arrayBuffers;
      assert.ok(used < 64 * 1024 * 1024, `${used} bytes in buffers`);
      gateway.revoke(new IhcError("denied", "grant gra_1 was revoked"));
      await until("select count(*)::int from pg_stat_activity where application_name like 'ihc:ana%'", 0);
      stream.destroy();
      await lost;
    }),
  ));

test("a statement that touches more rows than the cap is undone", () =>
  withGateway({ settings: { rows_written: 10 } }, (gateway) =>
    withClient(gateway, async (client) => {
      const simple = await refusal(client.query("update items set owner = 'x' where id < 50"));
      assert.match(simple.message, /rows-written-cap.*49 rows/);
      const extended = await refusal(client.query("update items set owner = $1 where id < 50", ["x"]));
      assert.match(extended.message, /rows-written-cap/);
      assert.equal(
        (await client.query("select count(*)::int as n from items where owner = 'x'")).rows[0].n,
        0,
      );
      assert.equal((await client.query("update items set owner = 'y' where id < 5")).rowCount, 4);
      assert.equal((await client.query("update items set owner = $1 where id < 5", ["z"])).rowCount, 4);
      await client.query("begin");
      assert.equal((await client.query("update items set owner = 'q' where id = 1")).rowCount, 1);
      await refusal(client.query("update items set owner = 'x' where id < 50"));
      assert.equal((await refusal(client.query("select 1"))).code, "25P02");
      await client.query("rollback");
      assert.deepEqual(await direct("select count(*)::int from items where owner = 'z'"), [[4]]);
    }),
  ));

test("a read grant gives a read-only default that RESET does not lift, and the write role is used for writers only", async () => {
  const settings = { roles: { write: { user: "writer", password: "env:W" } } };
  const secrets = { "env:PW": server.password, "env:W": "w" };
  const probe =
    "select current_user || ' ' || current_setting('transaction_read_only') || ' ' || current_setting('application_name') as is";
  await withGateway({ settings, secrets, effects: ["read"] }, (gateway) =>
    withClient(gateway, async (client) => {
      await client.query("discard all").catch((error: unknown) => assert.ok(error instanceof Error));
      assert.match((await client.query(probe)).rows[0].is, /^postgres on ihc:ana@example\.com:ses_/);
    }),
  );
  await withGateway({ settings, secrets }, (gateway) =>
    withClient(gateway, async (client) =>
      assert.match((await client.query(probe)).rows[0].is, /^writer off /),
    ),
  );
});

test("EXECUTE and FETCH count as what they run, whoever prepared it", () =>
  withGateway({}, (gateway) =>
    withClient(gateway, async (client) => {
      assert.match(
        (await refusal(client.query("prepare p1 as delete from items"))).message,
        /no-unbounded-delete/,
      );
      assert.match((await refusal(client.query("execute nothing"))).message, /unknown-name/);
      await client.query("prepare p2 as select 41 + 1 as n");
      assert.equal((await client.query("execute p2")).rows[0].n, 42);
      await client.query("begin");
      await client.query("declare c1 cursor for select id from items order by id");
      assert.equal((await client.query("fetch 2 from c1")).rowCount, 2);
      await client.query("commit");
      assert.match((await refusal(client.query("fetch 1 from c1"))).message, /unknown-name/);
    }),
  ));

test("a password that is wrong, another user and another database are refused", () =>
  withGateway({}, async (gateway) => {
    const attempts: [string, RegExp][] = [
      [gateway.url().replace(gateway.password, "wrong"), /password authentication failed/],
      [gateway.url().replace("ihc:", "postgres:"), /user must be "ihc"/],
      [gateway.url("template1"), /one database "postgres"/],
      [`${gateway.url()}&options=-c%20role%3Dwriter`, /startup parameter "role" is not allowed/],
      [`${gateway.url()}&replication=database`, /startup parameter "replication" is not allowed/],
    ];
    for (const [url, said] of attempts) {
      const failure = await run("psql", ["-X", "-w", url, "-c", "select 1"]).catch((error: unknown) => error);
      assert.ok(failure instanceof Error);
      assert.match(failure.message, said);
    }
    const fine = await run("psql", [
      "-X",
      "-A",
      "-t",
      `${gateway.url()}&options=-c%20statement_timeout%3D5s`,
      "-c",
      "show statement_timeout",
    ]);
    assert.equal(fine.stdout, "5s\n");
  }));
