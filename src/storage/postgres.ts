import { PostgresDialect } from "kysely";
import pg from "pg";

/** A pool of connections to the database that several gateways share. */
export function postgresDialect(url: string): PostgresDialect {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 10_000,
    application_name: "ihc",
    options: "-c synchronous_commit=on -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000",
  });
  // A connection that breaks must not end the process, neither an idle one nor one that a transaction holds between two
  // statements; whoever asks next gets a new one, or the error.
  pool.on("error", () => undefined).on("connect", (client) => client.on("error", () => undefined));
  return new PostgresDialect({ pool });
}
