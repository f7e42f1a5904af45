import { type Clock, systemClock } from "../../base/clock.ts";
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

export interface CatalogOptions {
  /** Milliseconds after which others' changes are looked for; the answer in hand serves meanwhile. */
  readonly maxAge?: number;
  readonly clock?: Clock;
}

/**
 * Loads lazily over a connection opened for the load and closed after it, so nothing idles on the target. Loads that are
 * asked for at the same time are one load; an invalidation during a load starts another. One catalog per credential: the
 * search path hangs on the role.
 */
export function openCatalog(
  connect: () => Promise<CatalogConnection>,
  options: CatalogOptions = {},
): Catalog {
  return new Loaded(connect, options.maxAge ?? 60_000, options.clock ?? systemClock);
}

class Loaded implements Catalog {
  readonly #connect: () => Promise<CatalogConnection>;
  readonly #maxAge: number;
  readonly #clock: Clock;
  #wanted = 1;
  #generation = 0;
  #looked = 0;
  #answers = "";
  #snapshot: CatalogSnapshot | undefined;
  #loading: Promise<CatalogSnapshot> | undefined;

  constructor(connect: () => Promise<CatalogConnection>, maxAge: number, clock: Clock) {
    this.#connect = connect;
    this.#maxAge = maxAge;
    this.#clock = clock;
  }

  peek(): CatalogSnapshot | undefined {
    if (this.#snapshot !== undefined && this.#clock.monotonic() - this.#looked > this.#maxAge)
      this.#refresh();
    return this.#snapshot;
  }

  async current(): Promise<CatalogSnapshot> {
    return this.peek() ?? this.#load();
  }

  invalidate(): void {
    this.#wanted++;
    this.#snapshot = undefined;
  }

  /** A refresh that fails leaves the answer in hand; the next one is tried when it has aged again. */
  #refresh(): void {
    this.#looked = this.#clock.monotonic();
    void this.#load().catch(() => this.#snapshot);
  }

  #load(): Promise<CatalogSnapshot> {
    this.#loading ??= this.#loadWanted().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #loadWanted(): Promise<CatalogSnapshot> {
    for (;;) {
      const version = this.#wanted;
      const loaded = await read(this.#connect);
      if (version !== this.#wanted) continue;
      this.#looked = this.#clock.monotonic();
      if (this.#snapshot !== undefined && loaded.answers === this.#answers) return this.#snapshot;
      this.#answers = loaded.answers;
      this.#snapshot = { generation: ++this.#generation, data: loaded.data };
      return this.#snapshot;
    }
  }
}

interface Read {
  readonly data: CatalogData;
  /** The answers as one text, to see whether anything changed. */
  readonly answers: string;
}

async function read(connect: () => Promise<CatalogConnection>): Promise<Read> {
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
    return { data, answers: JSON.stringify(answers) };
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
