import { AsyncLocalStorage } from "node:async_hooks";
import { type Dialect, Kysely } from "kysely";
import { type Clock, systemClock } from "../base/clock.ts";
import { IhcError } from "../base/errors.ts";
import type { LogKey } from "../core/audit/checkpoint.ts";
import { migrate } from "./migrations/all.ts";
import { postgresDialect } from "./postgres.ts";
import { writeQueue } from "./queue.ts";
import { type QueueSeal, queueSeal } from "./queue-seal.ts";
import { auditReader } from "./reader.ts";
import { retried } from "./retry.ts";
import type { Schema } from "./schema.ts";
import { sqliteDialect } from "./sqlite.ts";
import type { Store, Tables } from "./store.ts";
import { type Changes, transactionTables } from "./tables.ts";

export type StoreLocation = { readonly sqlite: string } | { readonly postgres: string };

/** A store with what the sequencer and `verifyStore` need besides. */
export interface OpenStore extends Store {
  readonly database: Database;
}

export interface Database {
  readonly db: Kysely<Schema>;
  readonly dialect: "sqlite" | "postgres";
  readonly seal: QueueSeal;
  /** Calls back after each commit of this process that queued entries. Returns the way to stop it. */
  onQueued(listener: () => void): () => void;
}

/**
 * Opens the store: `{ sqlite: folder }` or `{ postgres: url }`, with its schema up to date. Throws IhcError `config` for a
 * folder that others can write and `storage` when the database cannot be reached. What is queued without the log's key is
 * never signed.
 */
export async function openStore(
  location: StoreLocation,
  clock: Clock = systemClock,
  key?: LogKey,
): Promise<OpenStore> {
  const dialect = "sqlite" in location ? "sqlite" : "postgres";
  const db = new Kysely<Schema>({ dialect: await connect(location) });
  try {
    await retried(() => migrate(db));
  } catch (cause) {
    await db.destroy();
    throw new IhcError("storage", "the store cannot be opened or its schema not be brought up to date", {
      hint: "is it reachable, and not the work of a newer ihc",
      cause,
    });
  }
  return assemble(db, dialect, clock, queueSeal(key));
}

function connect(location: StoreLocation): Promise<Dialect> | Dialect {
  return "sqlite" in location ? sqliteDialect(location.sqlite) : postgresDialect(location.postgres);
}

function assemble(
  db: Kysely<Schema>,
  dialect: "sqlite" | "postgres",
  clock: Clock,
  seal: QueueSeal,
): OpenStore {
  const listeners = new Set<() => void>();
  const inside = new AsyncLocalStorage<{ open: boolean }>();

  const once = async <T>(work: (tables: Tables) => Promise<T>): Promise<T> => {
    const changes: Changes = { vouches: [], entries: [] };
    const transaction = db.transaction();
    const { result, queued } = await (dialect === "postgres"
      ? transaction.setIsolationLevel("serializable")
      : transaction
    ).execute(async (executor) => {
      const scope = { open: true };
      try {
        const done = await inside.run(scope, () => work(transactionTables(executor, changes)));
        return { result: done, queued: await writeQueue(executor, changes, seal, clock.now()) };
      } finally {
        scope.open = false;
      }
    });
    if (queued > 0) for (const listener of listeners) listener();
    return result;
  };

  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    // With SQLite's single connection a transaction that waits for another one would wait for ever.
    if (inside.getStore()?.open)
      throw new IhcError("internal", "use the tables of the transaction inside it");
    return translated(work);
  };
  const atomically: Atomically = (work) => guarded(() => retried(() => once(work)));
  const plain = transactionTables(db, { vouches: [], entries: [] });
  const reading: Atomically = (work) => guarded(() => work(plain));

  return {
    ...singleTables(atomically, reading),
    atomically,
    audit: auditReader(db),
    database: {
      db,
      dialect,
      seal,
      onQueued: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    close: () => db.destroy(),
  };
}

type Atomically = <T>(work: (tables: Tables) => Promise<T>) => Promise<T>;

/** The tables outside a transaction: each change is one of its own. */
function singleTables(atomically: Atomically, reading: Atomically): Tables {
  return {
    requests: {
      insert: (request) => atomically(({ requests }) => requests.insert(request)),
      get: (id) => reading(({ requests }) => requests.get(id)),
      list: (filter) => reading(({ requests }) => requests.list(filter)),
      replace: (next) => atomically(({ requests }) => requests.replace(next)),
    },
    grants: {
      insert: (grant) => atomically(({ grants }) => grants.insert(grant)),
      get: (id) => reading(({ grants }) => grants.get(id)),
      list: (filter) => reading(({ grants }) => grants.list(filter)),
      replace: (next) => atomically(({ grants }) => grants.replace(next)),
    },
    sessions: {
      insert: (session) => atomically(({ sessions }) => sessions.insert(session)),
      get: (id) => reading(({ sessions }) => sessions.get(id)),
      list: (filter) => reading(({ sessions }) => sessions.list(filter)),
      replace: (next) => atomically(({ sessions }) => sessions.replace(next)),
    },
    chunks: {
      insert: (chunk) => atomically(({ chunks }) => chunks.insert(chunk)),
      list: (session) => reading(({ chunks }) => chunks.list(session)),
    },
    enqueue: (entry) => atomically(({ enqueue }) => enqueue(entry)),
  };
}

/** What the database says becomes IhcError `storage`; what `work` throws on purpose stays as it is. */
async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof IhcError) throw cause;
    throw new IhcError("storage", "the store failed", { hint: "see the gateway's log", cause });
  }
}
