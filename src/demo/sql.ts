import { readFile } from "node:fs/promises";
import { createConnection } from "node:net";
import type { ClientConfig, QueryResult } from "pg";
import { z } from "zod";
import { IhcError } from "../base/errors.ts";
import { findProgram } from "./binaries.ts";
import { ihcAs, type Scene, succeeds } from "./cast.ts";
import { start } from "./run.ts";
import type { ShopTarget } from "./targets.ts";

/** How a person's SQL tool reaches the database: through their local agent, as `ihc status` tells. */
export interface Client {
  readonly environment: Readonly<Record<string, string>>;
  readonly port: number;
  readonly dsn: string;
  /** The session's; it is in the PGPASSFILE that the local agent wrote. */
  readonly password: string;
  /** The real psql where there is one; the `pg` driver speaks the same protocol otherwise. */
  readonly psql: string | undefined;
}

/** One statement under way. */
export interface Asked {
  /** A line of what the database says meanwhile, notices included. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Never rejects for an error of the database: that is part of the output. */
  readonly done: Promise<{ readonly output: string }>;
}

const status = z.object({
  items: z
    .array(z.object({ port: z.int(), dsn: z.string(), environment: z.record(z.string(), z.string()) }))
    .min(1),
});

/** Reads from the person's `ihc status` how local tools connect. */
export async function clientOf(
  scene: Scene,
  person: string,
  searchPath: string,
  port?: number,
): Promise<Client> {
  const shown = ihcAs(scene, person, ["status", "--json"]);
  await succeeds(shown);
  const { items } = status.parse(JSON.parse(shown.stdout()));
  const running = items.find((item) => port === undefined || item.port === port);
  if (running === undefined) throw new IhcError("unavailable", `${person} is not connected`);
  const environment = { ...scene.home.environment(person), ...running.environment };
  const line = await readFile(running.environment["PGPASSFILE"] ?? "", "utf8");
  const password = line.trim().split(":").at(-1) ?? "";
  return {
    environment,
    port: running.port,
    dsn: running.dsn,
    password,
    psql: findProgram("psql", searchPath),
  };
}

/** Sends one statement on a connection of its own. */
export function ask(client: Client, sql: string): Asked {
  return client.psql === undefined ? askDriver(client, sql) : askPsql(client.psql, client.environment, sql);
}

/** Rejects when nothing takes connections on the client's port any more. */
export function reachable({ port }: Pick<Client, "port">): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, "127.0.0.1", () => {
      socket.destroy();
      resolve();
    });
    socket.once("error", reject);
  });
}

/** One value as the database's owner sees it, past the gateway. */
export async function ownersView(shop: ShopTarget, sql: string): Promise<string> {
  const { default: pg } = await import("pg");
  const client = new pg.Client({
    host: "127.0.0.1",
    port: shop.port,
    database: shop.database,
    ...shop.owner,
  });
  await client.connect();
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: "array" });
    return String(rows[0]?.[0]);
  } finally {
    await client.end();
  }
}

function askPsql(psql: string, env: Readonly<Record<string, string>>, sql: string): Asked {
  const running = start(psql, ["-X", "--no-password", "-c", sql], { env });
  return {
    until: (pattern) => running.until(pattern),
    done: running.ended().then(() => ({ output: running.output() })),
  };
}

function askDriver(client: Client, sql: string): Asked {
  const said: string[] = [];
  const listeners = new Set<() => void>();
  const hear = (line: string) => {
    said.push(line);
    for (const listener of listeners) listener();
  };
  return {
    done: query(client, sql, hear).then(() => ({ output: said.join("\n") })),
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new IhcError("unavailable", `no ${pattern} in: ${said.join(" ")}`)),
          30_000,
        );
        const look = () => {
          const found = pattern.exec(said.join("\n"));
          if (found === null) return;
          clearTimeout(timer);
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
  };
}

async function query(client: Client, sql: string, hear: (line: string) => void): Promise<void> {
  const { default: pg } = await import("pg");
  const connection = new pg.Client(driverConfig(client));
  connection.on("notice", (notice) => hear(`NOTICE:  ${notice.message ?? ""}`));
  try {
    await connection.connect();
    const result: QueryResult<unknown[]> = await connection.query({ text: sql, rowMode: "array" });
    if (result.fields.length > 0) hear(result.fields.map((field) => field.name).join(" | "));
    for (const row of result.rows) hear(row.map(String).join(" | "));
    hear(
      result.fields.length > 0 ? `(${result.rows.length} rows)` : `${result.command} ${result.rowCount ?? 0}`,
    );
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    hear(`ERROR:  ${error.message}`);
    if ("hint" in error && typeof error.hint === "string") hear(`HINT:  ${error.hint}`);
  } finally {
    await connection.end();
  }
}

/** The driver reads the same variables as libpq, from the process's own environment; here they are somebody else's. */
function driverConfig({ environment, port, password }: Client): ClientConfig {
  const { PGUSER: user = "ihc", PGDATABASE: database = "app" } = environment;
  return { host: "127.0.0.1", port, user, database, password, ssl: false };
}
