import { closeSync, constants, fchmodSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { type SqliteDatabase, SqliteDialect, type SqliteStatement } from "kysely";
import { privateFolder } from "./folder.ts";

/** `ihc.db` in a private folder: WAL, and a commit that is on the disk when it returns. */
export async function sqliteDialect(folder: string): Promise<SqliteDialect> {
  const file = join(await privateFolder(folder), "ihc.db");
  // SQLite gives its -wal and -shm files the mode of the database, so the mode is set before it opens it.
  const handle = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  fchmodSync(handle, 0o600);
  closeSync(handle);
  const database = new DatabaseSync(file, { timeout: 10_000 });
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma trusted_schema = off");
  database.exec("pragma busy_timeout = 10");
  // A statement that was masked after its review must be gone from the file too, not only from the row.
  database.exec("pragma secure_delete = on");
  const tidying = setInterval(() => forgetWal(database), tidyEvery);
  tidying.unref();
  return new SqliteDialect({ database: adapt(database, () => clearInterval(tidying)) });
}

/** Milliseconds. */
const tidyEvery = 60_000;

/** The log of changes holds old pages until it is written back and cut. What stands in the way puts it off to the next time. */
function forgetWal(database: DatabaseSync): void {
  if (database.isTransaction) return;
  try {
    database.exec("pragma wal_checkpoint(truncate)");
  } catch {
    // Such as a full disk: whoever writes next is told.
  }
}

const cachedStatements = 200;

/** What kysely expects of a driver, over Node's own. Statements are kept, since preparing costs more than running. */
function adapt(database: DatabaseSync, closing: () => void): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  return {
    close() {
      closing();
      database.close();
    },
    prepare(sql) {
      const known = cache.get(sql);
      if (known) return known;
      if (cache.size >= cachedStatements) cache.clear();
      const statement = prepare(database, sql);
      cache.set(sql, statement);
      return statement;
    },
  };
}

function prepare(database: DatabaseSync, sql: string): SqliteStatement {
  // A transaction that turns from reading to writing would fail when another process wrote in between.
  const statement = database.prepare(sql === "begin" ? "begin immediate" : sql);
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...parameters.map(input)),
    run: (parameters) => statement.run(...parameters.map(input)),
    iterate: (parameters) => statement.iterate(...parameters.map(input)),
  };
}

function input(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError("sqlite takes text, numbers, bytes and null");
}
