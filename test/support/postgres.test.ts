import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { startPostgres } from "./postgres.ts";

test("a PostgreSQL of the test's own takes queries and leaves nothing behind", async () => {
  for (const options of [{}, { contrib: true, auth: "scram" } as const]) {
    const server = await startPostgres(options);
    try {
      const client = new pg.Client({ connectionString: server.url("postgres") });
      await client.connect();
      const { rows } = await client.query("select 1 as one");
      assert.deepEqual(rows, [{ one: 1 }]);
      if ("contrib" in options) await client.query("create extension pgcrypto");
      await client.end();
    } finally {
      await server.stop();
    }
  }
});
