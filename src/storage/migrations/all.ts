import type { Kysely } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import type { Schema } from "../schema.ts";
import { initial } from "./0001-initial.ts";
import { queueMac } from "./0002-queue-mac.ts";

/** In the order they run. A released migration never changes; a change of the schema is a new one. */
const migrations: Readonly<Record<string, Migration>> = {
  "0001-initial": initial,
  "0002-queue-mac": queueMac,
};

/** Brings a database to the newest schema; gateways that start together wait for each other. */
export async function migrate(db: Kysely<Schema>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ ...migrations }) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw error;
}
