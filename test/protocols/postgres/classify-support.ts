import { readFileSync } from "node:fs";
import { Client } from "pg";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { parseMasking } from "../../../src/core/masking/parse.ts";
import { createParser } from "../../../src/gateway/parser.ts";
import { type Catalog, openCatalog } from "../../../src/protocols/postgres/catalog.ts";
import { createClassifier } from "../../../src/protocols/postgres/classify.ts";
import type { Classifier } from "../../../src/protocols/postgres/statement.ts";
import { startPostgres } from "../../support/postgres.ts";
import { pgCatalogConnection } from "./pg-catalog.ts";

/** A real PostgreSQL with the cases' fixture, and what classifies against it. */
export interface Bench {
  readonly catalog: Catalog;
  readonly strict: Classifier;
  readonly lenient: Classifier;
  readonly unmasked: Classifier;
  classifier(mode: string, functions: readonly string[], rules?: readonly unknown[]): Classifier;
  /** Runs statements as a superuser. */
  run(sql: string): Promise<void>;
  /** A superuser's connection; the caller ends it. */
  client(): Promise<Client>;
  stop(): Promise<void>;
}

/** What policy.md says is masked. */
export const policyMasks: readonly unknown[] = [
  {
    columns: [
      ...["email", "ssn", "card", "secret_pin", "dob", "prefs", "tags", "doc", "hs"].map(
        (c) => `app.customers.${c}`,
      ),
      "app.api_tokens.token",
      "app.part*.ssn",
    ],
    how: "partial",
  },
  { detect: ["email", "card", "ssn"], how: "redact" },
];

export async function openBench(): Promise<Bench> {
  const server = await startPostgres({ contrib: true });
  const parser = createParser();
  const client = async (database: string): Promise<Client> => {
    const opened = new Client({ connectionString: server.url(database) });
    await opened.connect();
    return opened;
  };
  const run = async (sql: string, database = "ihc_cases"): Promise<void> => {
    const opened = await client(database);
    await opened.query(sql).finally(() => opened.end());
  };
  const catalog = openCatalog(async () => pgCatalogConnection(await client("ihc_cases")));
  const shared = new Map<string, unknown>();
  const classifier = (mode: string, functions: readonly string[], rules = policyMasks): Classifier =>
    createClassifier({
      catalog,
      masks: compileMasks(parseMasking(rules, mode), Buffer.alloc(32)),
      parser,
      functions,
      shared,
    });
  const stop = async (): Promise<void> => {
    await parser.close();
    await server.stop();
  };
  try {
    await run("create database ihc_cases", "postgres");
    await run(readFileSync("test/cases/fixture.sql", "utf8"));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    catalog,
    strict: classifier("strict", []),
    lenient: classifier("lenient", []),
    unmasked: classifier("strict", [], []),
    classifier,
    run,
    client: () => client("ihc_cases"),
    stop,
  };
}
