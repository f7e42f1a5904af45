import assert from "node:assert/strict";
import pg from "pg";
import { type ConnectionEvent, type Listener, listen } from "../../../src/agent/listener.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { openTunnel } from "../../../src/tunnel/client.ts";
import type { KeepAlive } from "../../../src/tunnel/tunnel.ts";
import {
  type Body,
  type Client,
  type Configuration,
  startTestGateway,
  type TestGateway,
} from "../../gateway/support/gateway.ts";
import { type PostgresServer, startPostgres } from "../../support/postgres.ts";
import { until } from "./wait.ts";

/**
 * A gateway in this process in front of a real PostgreSQL, reached through the local agent's own listener and tunnel. Target
 * `open` needs no grant, `prod` needs one from `leads`.
 */
export interface Rig {
  readonly gateway: TestGateway;
  readonly postgres: PostgresServer;
  readonly ana: Client;
  readonly lee: Client;
  readonly admin: Client;
  /** Opens a session with a listener of its own. */
  session(options?: SessionOptions): Promise<RigSession>;
  /** An approved grant on `prod`. */
  grant(milliseconds?: number): Promise<{ readonly id: string; readonly version: number }>;
  /** One value as the database's superuser sees it. */
  owner(sql: string): Promise<string>;
  /** Backends of the gateway's role whose query holds that text and runs. */
  running(text: string): Promise<number>;
  stop(): Promise<void>;
}

export interface SessionOptions {
  readonly target?: string;
  /** Where tunnels go instead of to the gateway itself: a proxy of the test's. */
  readonly through?: number;
  readonly keepAlive?: KeepAlive;
  readonly client?: Client;
}

export interface RigSession {
  readonly id: string;
  readonly port: number;
  readonly secret: string;
  readonly events: readonly ConnectionEvent[];
  readonly listener: Listener;
  connect(): Promise<RigClient>;
}

export interface RigClient extends pg.Client {
  /** Resolves with the error that ended the connection. */
  readonly cut: Promise<Error>;
}

export interface RigOptions {
  readonly clock?: Clock;
  readonly keepAlive?: KeepAlive;
  readonly policy?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Parts of the configuration that are to be different. */
  readonly change?: (config: Configuration) => object;
}

export const openPolicy = `
@id("open") permit (principal in Group::"oncall", action, resource) when { resource.labels.env == "open" };
`;
export const grantPolicy = `
@id("granted") @grant("leads")
permit (principal in Group::"oncall", action, resource) when { resource.labels.env == "prod" };
`;

export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const postgres = await startPostgres();
  const owner = async (sql: string): Promise<string> => {
    const client = new pg.Client({ connectionString: postgres.url("app") });
    await client.connect();
    try {
      const { rows } = await client.query<unknown[]>({ text: sql, rowMode: "array" });
      return String(rows[0]?.[0]);
    } finally {
      await client.end();
    }
  };
  const listeners = new Set<Listener>();
  const clients = new Set<pg.Client>();
  let gateway: TestGateway;
  try {
    await prepare(postgres);
    gateway = await startTestGateway({
      policy: options.policy ?? openPolicy + grantPolicy,
      change: (config) => ({
        ...config,
        ...targets(postgres, options.settings ?? {}),
        ...options.change?.(config),
      }),
      ...(options.clock ? { clock: options.clock } : {}),
      ...(options.keepAlive ? { keepAlive: options.keepAlive } : {}),
    });
  } catch (error) {
    await postgres.stop();
    throw error;
  }
  const ana = await gateway.person("ana", ["oncall"]);
  const lee = await gateway.person("lee", ["leads"]);
  const admin = await gateway.person("sam", ["admins", "auditors"]);
  return {
    gateway,
    postgres,
    ana,
    lee,
    admin,
    owner,
    running: async (text) =>
      Number(
        await owner(
          `select count(*) from pg_stat_activity where usename = 'ihc_app' and state = 'active' and query like '%${text}%'`,
        ),
      ),
    grant: async (milliseconds = 3_600_000) => {
      const body = { target: "prod", reason: "INC-1", duration: milliseconds };
      const filed = await ana.call("POST", "/v1/requests", { body });
      assert.equal(filed.status, 201, filed.text);
      const done = await lee.call("POST", `/v1/requests/${filed.body["id"]}/reviews`, {
        version: Number(filed.body["version"]),
        body: { answer: "approve", digest: filed.body["digest"] },
      });
      assert.equal(done.status, 200, done.text);
      return { id: String(done.body["grant"]), version: 1 };
    },
    session: async (wish = {}) => {
      const who = wish.client ?? ana;
      const opened = await who.call("POST", "/v1/sessions", {
        body: { target: wish.target ?? "open", reason: "a test" },
      });
      assert.equal(opened.status, 201, opened.text);
      const id = idOf(opened.body);
      const secret = String(opened.body["secret"]);
      const events: ConnectionEvent[] = [];
      const direct = new URL(`${gateway.url}/v1/tunnel/${id}`);
      const url = new URL(direct);
      if (wish.through !== undefined) url.port = String(wish.through);
      const listener = await listen(
        { kind: "port", port: 0 },
        (signal) =>
          openTunnel(
            {
              url,
              signal,
              headers: async () => ({ ...(await who.headers("GET", direct.href)), host: direct.host }),
            },
            wish.keepAlive,
          ),
        (event) => events.push(event),
      );
      listeners.add(listener);
      const { port } = listener.address;
      const connect = async (): Promise<RigClient> => {
        const config = {
          host: "127.0.0.1",
          port,
          user: "ihc",
          database: "app",
          password: secret,
          ssl: false,
        };
        const client = new pg.Client(config);
        clients.add(client);
        const cut = new Promise<Error>((resolve) => client.on("error", resolve));
        await client.connect();
        return Object.assign(client, { cut });
      };
      return { id, port, secret, events, listener, connect };
    },
    stop: async () => {
      for (const listener of listeners) await listener.close();
      for (const client of clients) await client.end().catch(() => undefined);
      await gateway.stop();
      await postgres.stop();
    },
  };
}

function idOf(body: Body): string {
  const { session } = body;
  assert.ok(typeof session === "object" && session !== null && "id" in session);
  return String(session.id);
}

async function prepare(postgres: PostgresServer): Promise<void> {
  const run = async (database: string, sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: postgres.url(database) });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await until(async () => run("postgres", "select 1").then(() => true));
  await run("postgres", "create database app");
  await run("postgres", "create role ihc_app login");
  await run("app", "create table marks (id integer primary key, note text); grant all on marks to ihc_app");
}

/** The PostgreSQL targets of a rig. */
export function targets(postgres: Pick<PostgresServer, "host" | "port">, more: object) {
  const { host, port } = postgres;
  const settings = { host, port, database: "app", tls: "disable", user: "ihc_app", ...more };
  return {
    targets: {
      open: { postgres: settings, labels: { env: "open" } },
      prod: { postgres: settings, labels: { env: "prod" } },
    },
  };
}
