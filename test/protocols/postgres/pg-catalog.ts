import type { Client, Connection } from "pg";
import { IhcError } from "../../../src/base/errors.ts";
import type { CatalogConnection } from "../../../src/protocols/postgres/catalog.ts";
import type { ColumnOrigin } from "../../../src/protocols/postgres/sql/catalog-data.ts";

/**
 * A catalog connection over a `pg` client that is already connected, as the role that clients of the target get. Reads
 * in one read-only transaction whose time is bounded.
 */
export async function pgCatalogConnection(client: Client): Promise<CatalogConnection> {
  await client.query("begin transaction isolation level repeatable read read only");
  await client.query("set local statement_timeout = '20s'");
  return {
    query: async (text) => {
      const types = { getTypeParser: () => (value: unknown) => value };
      const result = await client.query<(string | null)[]>({ text, rowMode: "array", types });
      return result.rows;
    },
    describe: (text) => describe(client, text),
    end: () => client.end(),
  };
}

/** Parse and Describe in a savepoint: a view that cannot be planned must not end the transaction. */
async function describe(client: Client, text: string): Promise<readonly ColumnOrigin[]> {
  await client.query("savepoint described");
  try {
    return await new Promise((resolve, reject) => void client.query(new Description(text, resolve, reject)));
  } finally {
    await client.query("rollback to savepoint described");
  }
}

interface Field {
  readonly name: string;
  readonly tableID: number;
  readonly columnID: number;
}

/** What `pg` calls while a query of its is under way; only the description matters here. */
class Description {
  #fields: readonly ColumnOrigin[] = [];
  readonly #text: string;
  readonly #resolve: (fields: readonly ColumnOrigin[]) => void;
  readonly #reject: (error: Error) => void;
  #failed = false;

  constructor(
    text: string,
    resolve: (fields: readonly ColumnOrigin[]) => void,
    reject: (error: Error) => void,
  ) {
    this.#text = text;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  submit(connection: Connection): void {
    connection.parse({ name: "", text: this.#text, types: [] }, true);
    connection.describe({ type: "S", name: "" }, true);
    connection.sync();
  }

  handleRowDescription(message: { readonly fields: readonly Field[] }): void {
    this.#fields = message.fields.map(({ name, tableID, columnID }) => ({
      name,
      tableOid: tableID,
      attribute: columnID,
    }));
  }

  handleError(error: unknown): void {
    this.#failed = true;
    this.#reject(new IhcError("unavailable", "the statement cannot be described", { cause: error }));
  }

  handleReadyForQuery(): void {
    if (!this.#failed) this.#resolve(this.#fields);
  }
}
