import { IhcError } from "../../base/errors.ts";
import { type CatalogData, type ColumnOrigin, parseCatalog } from "./sql/catalog-data.ts";
import { queries } from "./sql/catalog-queries.ts";

/** A connection of the gateway's own to the target, as the same role and with the same search path as its clients. */
export interface CatalogConnection {
  /** Runs one statement; every value as text, as the simple protocol sends it. */
  query(sql: string): Promise<readonly (readonly (string | null)[])[]>;
  /** Parse and Describe without running: where each output column comes from; zeros for expressions. */
  describe(sql: string): Promise<readonly ColumnOrigin[]>;
  end(): Promise<void>;
}

/** What classification knows of a target: names, functions, views. One per target, shared by its connections. */
export interface Catalog {
  /** The loaded catalog; loads it when it was never loaded or was invalidated. Throws IhcError `unavailable`. */
  current(): Promise<CatalogSnapshot>;
  /** The loaded catalog if it is still valid: for the hot path. */
  peek(): CatalogSnapshot | undefined;
  invalidate(): void;
}

export interface CatalogSnapshot {
  /** Grows with every load; caches of verdicts hang on it. */
  readonly generation: number;
  readonly data: CatalogData;
}

/**
 * Loads lazily over a connection opened for the load and closed after it, so nothing idles on the target. Loads that are
 * asked for at the same time are one load; an invalidation during a load starts another.
 */
export function openCatalog(connect: () => Promise<CatalogConnection>): Catalog {
  let generation = 0;
  let wanted = 1;
  let snapshot: CatalogSnapshot | undefined;
  let loading: Promise<CatalogSnapshot> | undefined;
  const load = async (): Promise<CatalogSnapshot> => {
    for (;;) {
      const version = wanted;
      const data = await read(connect);
      if (version !== wanted) continue;
      generation++;
      snapshot = { generation, data };
      return snapshot;
    }
  };
  return {
    peek: () => snapshot,
    current: async () => {
      if (snapshot !== undefined) return snapshot;
      loading ??= load().finally(() => {
        loading = undefined;
      });
      return loading;
    },
    invalidate: () => {
      wanted++;
      snapshot = undefined;
    },
  };
}

async function read(connect: () => Promise<CatalogConnection>): Promise<CatalogData> {
  let connection: CatalogConnection;
  try {
    connection = await connect();
  } catch (cause) {
    throw unavailable(cause);
  }
  try {
    const answers: Record<string, unknown> = {};
    for (const [name, sql] of Object.entries(queries)) answers[name] = await ask(connection, sql);
    const data = parseCatalog(answers);
    for (const view of data.views) view.origins = await originsOf(connection, view.definition);
    return data;
  } catch (cause) {
    throw unavailable(cause);
  } finally {
    await connection.end();
  }
}

async function ask(connection: CatalogConnection, sql: string): Promise<unknown> {
  const [row] = await connection.query(sql);
  return JSON.parse(row?.[0] ?? "null");
}

/** A view that this role may not even plan shows no origins: then all its columns count as expressions. */
async function originsOf(
  connection: CatalogConnection,
  definition: string,
): Promise<readonly ColumnOrigin[] | undefined> {
  return connection.describe(definition).catch(() => undefined);
}

function unavailable(cause: unknown): IhcError {
  return new IhcError("unavailable", "the target's catalog cannot be read", {
    hint: "check that the target's role may connect and read pg_catalog",
    cause,
  });
}
