import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { newId } from "../../src/base/ids.ts";
import { compilePolicy } from "../../src/core/access/cedar.ts";
import type { Principal } from "../../src/core/access/principal.ts";
import type { Target } from "../../src/core/access/target.ts";
import type { JournalEvent } from "../../src/core/journal/event.ts";
import type { JournalWriter } from "../../src/core/journal/writer.ts";
import { compileMasks } from "../../src/core/masking/compile.ts";
import type { MaskingRules } from "../../src/core/masking/rule.ts";
import type { Approvals } from "../../src/core/session/approvals.ts";
import { openSession } from "../../src/core/session/open.ts";
import { cancelRegistry } from "../../src/gateway/cancels.ts";
import { createParser } from "../../src/gateway/parser.ts";
import { newSessionSecret } from "../../src/gateway/session-secret.ts";
import { kubernetes } from "../../src/protocols/kubernetes/index.ts";
import { person } from "./records.ts";

/** A loopback port behind which the kubernetes protocol serves one session, with the real core around it. */
export interface K8sGateway {
  readonly port: number;
  /** The session secret: the bearer token. */
  readonly token: string;
  /** The authority that a client trusts, PEM. */
  readonly ca: string;
  readonly session: string;
  /** A kubeconfig as `ihc connect` would write it. */
  readonly kubeconfig: string;
  /** Everything journaled so far. */
  readonly events: readonly JournalEvent[];
  /** Kinds of audit entries so far. */
  readonly audited: readonly string[];
  /** What the operator's log was told. */
  readonly logged: readonly string[];
  /** Ends the session as a revocation would. */
  revoke(reason: Error): void;
  stop(): Promise<void>;
}

export interface K8sGatewayOptions {
  /** The target's part of ihc.yaml. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Cedar text. Default: everything is allowed. */
  readonly policy?: string;
  readonly masking?: MaskingRules;
  readonly approvals?: Approvals;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly recording?: { readonly rows: number; readonly bytes: number };
  /** Asked anew for each request. Default: ana@acme.io in oncall. */
  readonly principal?: () => Principal;
  readonly incident?: string;
}

const everything = `@id("everything") permit (principal, action, resource);`;

const nobody: Approvals = {
  review: async (_op, hold, _digest, { onHold }) => {
    const request = newId("req");
    onHold({ request, hold, expiresAt: systemClock.now() });
    return { kind: "expired", request };
  },
  use: async () => false,
};

export async function startK8sGateway(options: K8sGatewayOptions): Promise<K8sGateway> {
  const target: Target = { name: "prod-k8s", protocol: "kubernetes", labels: { env: "prod" } };
  const compiled = compilePolicy([{ file: "test.cedar", text: options.policy ?? everything }], [target]);
  if (!compiled.policy) throw new Error(JSON.stringify(compiled.issues));
  const { policy } = compiled;
  const principal =
    options.principal ?? (() => ({ ...person("ana"), name: "ana@acme.io", groups: ["oncall"] }));
  const settings = kubernetes.parseSettings(options.settings);
  const { secret, login } = await newSessionSecret("ihc");
  const id = newId("ses");
  const expiresAt = new Date(systemClock.now().getTime() + 3_600_000);
  const preparation = await kubernetes.prepare?.({ id, principal: principal(), target, expiresAt }, settings);
  if (!preparation) throw new Error("kubernetes prepares nothing");
  const { offered, prepared } = preparation;
  const ended = new AbortController();
  const events: JournalEvent[] = [];
  const audited: string[] = [];
  const logged: string[] = [];
  const parser = createParser();
  const masks = compileMasks(options.masking ?? { rules: [], mode: "strict" }, randomBytes(32));
  const sockets = new Set<Socket>();
  const serving = new Set<Promise<void>>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const session = openSession({
      id,
      connection: newId("con"),
      principal,
      target: () => target,
      effects: () => ["read", "write", "destroy", "admin", "unknown"],
      ...(options.incident === undefined ? {} : { incident: options.incident }),
      policy: () => policy,
      grant: () => undefined,
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
    const served = kubernetes.serve(socket, session, {
      target,
      settings,
      secret: async (reference) => {
        const value = options.secrets?.[reference];
        if (value === undefined) throw new Error(`no secret ${reference}`);
        return value;
      },
      login,
      prepared,
      parser,
      shared: new Map(),
      cancels: cancelRegistry(),
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
  const publicSettings = { ...kubernetes.publicSettings(settings), ...offered };
  const help = kubernetes.clientHelp({ host: "127.0.0.1", port }, target, publicSettings);
  return {
    port,
    token: secret,
    ca: String(offered["ca"]),
    session: id,
    kubeconfig: help.files.find(({ name }) => name === "kubeconfig")?.content(secret) ?? "",
    events,
    audited,
    logged,
    revoke: (reason) => ended.abort(reason),
    stop: async () => {
      ended.abort();
      server.close();
      for (const socket of sockets) socket.destroy();
      await Promise.all(serving);
      preparation.close?.();
      await parser.close();
    },
  };
}

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
