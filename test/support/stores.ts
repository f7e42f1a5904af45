import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { StoreLocation } from "../../src/storage/open.ts";
import { type PostgresServer, startPostgres } from "./postgres.ts";

/** Places for stores of both kinds; each call of `fresh` is an empty one. */
export interface StorePlaces {
  readonly dialects: readonly ("sqlite" | "postgres")[];
  fresh(dialect: "sqlite" | "postgres"): Promise<StoreLocation>;
  folder(): string;
  stop(): Promise<void>;
}

export async function storePlaces(): Promise<StorePlaces> {
  const folders: string[] = [];
  let server: PostgresServer | undefined;
  let databases = 0;
  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), "ihc-store-"));
    folders.push(made);
    return made;
  };
  return {
    dialects: ["sqlite", "postgres"],
    folder,
    fresh: async (dialect) => {
      if (dialect === "sqlite") return { sqlite: folder() };
      server ??= await startPostgres();
      const name = `store_${++databases}`;
      const client = new pg.Client({ connectionString: server.url("postgres") });
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return { postgres: server.url(name) };
    },
    stop: async () => {
      await server?.stop();
      for (const made of folders) rmSync(made, { recursive: true, force: true });
    },
  };
}
