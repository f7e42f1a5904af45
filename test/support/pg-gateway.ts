import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { newId } from "../../src/base/ids.ts";
import { compilePolicy } from "../../src/core/access/cedar.ts";
import type { Target } from "../../src/core/access/target.ts";
import type { JournalEvent } from "../../src/core/journal/event.ts";
import type { JournalWriter } from "../../src/core/journal/writer.ts";
import { compileMasks } from "../../src/core/masking/compile.ts";
import type { MaskingRules } from "../../src/core/masking/rule.ts";
import type { Approvals } from "../../src/core/session/approvals.ts";
import { openSession } from "../../src/core/session/open.ts";
import type { Effect } from "../../src/core/session/operation.ts";
import { cancelRegistry } from "../../src/gateway/cancels.ts";
import { createParser } from "../../src/gateway/parser.ts";
import { newSessionSecret } from "../../src/gateway/session-secret.ts";
import { postgres } from "../../src/protocols/postgres/index.ts";
import { grant, person } from "./records.ts";

/** A loopback port behind which the postgres protocol serves one session, with the real core around it. */
export interface PgGateway {
  readonly port: number;
  readonly password: string;
  /** Everything journaled so far. */
  readonly events: readonly JournalEvent[];
  /** Kinds of audit entries so far. */
  readonly audited: readonly string[];
  /** What the operator's log was told. */
  readonly logged: readonly string[];
  url(database?: string): string;
  /** Ends the session as a revocation would. */
  revoke(reason: Error): void;
  stop(): Promise<void>;
}

export interface PgGatewayOptions {
  /** The target's part of ihc.yaml; `port` and the rest as given. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Cedar text. Default: everything is allowed. */
  readonly policy?: string;
  readonly masking?: MaskingRules;
  readonly effects?: readonly Effect[];
  readonly approvals?: Approvals;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly recording?: { readonly rows: number; readonly bytes: number };
}

const everything = `@id("everything") permit (principal, action, resource);`;

const nobody: Approvals = {
  review: async (_op, _hold, _digest, { onHold }) => {
    const request = newId("req");
    onHold({ request, hold: _hold, expiresAt: systemClock.now() });
    return { kind: "expired", request };
  },
  use: async () => false,
};

export async function startPgGateway(options: PgGatewayOptions): Promise<PgGateway> {
  const target: Target = { name: "prod-db", protocol: "postgres", labels: { env: "prod" } };
  const compiled = compilePolicy([{ file: "test.cedar", text: options.policy ?? everything }], [target]);
  if (!compiled.policy) throw new Error(JSON.stringify(compiled.issues));
  const { policy } = compiled;
  const { secret, login } = await newSessionSecret("ihc");
  const settings = postgres.parseSettings(options.settings);
  const ended = new AbortController();
  const events: JournalEvent[] = [];
  const audited: string[] = [];
  const logged: string[] = [];
  const parser = createParser();
  const cancels = cancelRegistry();
  const shared = new Map<string, unknown>();
  const masks = compileMasks(options.masking ?? { rules: [], mode: "strict" }, randomBytes(32));
  const id = newId("ses");
  const sockets = new Set<Socket>();
  const serving = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const session = openSession({
      id,
      connection: newId("con"),
      principal: () => person("ana"),
      target: () => target,
      effects: () => options.effects ?? ["read", "write", "destroy", "admin"],
      policy: () => policy,
      grant: () => grant({ effects: options.effects ?? ["read", "write", "destroy", "admin"], ...always }),
      masks,
      journal: collecting(events),
      approvals: options.approvals ?? nobody,
      audit: {
        enqueue: async (entry) => {
          audited.push(entry.kind);
        },
      },
      clock: systemClock,
      signal: ended.signal,
      recording: options.recording ?? { rows: 1000, bytes: 4 * 1024 * 1024 },
    });
    const served = postgres.serve(socket, session, {
      target,
      settings,
      secret: async (reference) => {
        const value = options.secrets?.[reference];
        if (value === undefined) throw new Error(`no secret ${reference}`);
        return value;
      },
      login,
      parser,
      shared,
      cancels,
      log: (level, message, fields) => logged.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`),
    });
    serving.add(served);
    void served.finally(() => serving.delete(served));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const { port } = address;
  return {
    port,
    password: secret,
    events,
    audited,
    logged,
    url: (database = settings.database) =>
      `postgresql://ihc:${secret}@127.0.0.1:${port}/${database}?sslmode=disable`,
    revoke: (reason) => ended.abort(reason),
    stop: async () => {
      ended.abort();
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(serving);
      await parser.close();
    },
  };
}

const always = { startsAt: new Date(0), expiresAt: new Date("2100-01-01T00:00:00Z") };

function collecting(events: JournalEvent[]): JournalWriter {
  return {
    append: async (event) => {
      events.push(event);
    },
    add: (event) => {
      events.push(event);
    },
    drained: async () => undefined,
    failed: new AbortController().signal,
    close: async () => undefined,
  };
}
