import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { IhcError } from "../base/errors.ts";
import type { Idp } from "./idp.ts";
import { endChild, type Part } from "./part.ts";
import type { ShopTarget } from "./targets.ts";

/** The real gateway as a process of its own, `ihc gateway`, with a configuration written for the demo. */
export interface DemoGateway extends Part {
  readonly url: string;
  /** The configuration file; targets' secrets are not in it. */
  readonly config: string;
}

export interface GatewayParts {
  readonly home: string;
  readonly ihc: readonly [string, ...string[]];
  readonly idp: Pick<Idp, "issuer" | "clientId">;
  readonly audience: string;
  readonly port: number;
  readonly shop: Pick<ShopTarget, "port" | "database" | "reader" | "writer">;
  readonly searchPath: string;
  /** The policy instead of the story's. */
  readonly policy?: string;
  /** Changes the configuration before it is written; for tests. */
  readonly change?: (configuration: GatewayConfiguration) => object;
}

/** Writes configuration and policy, starts the gateway and waits until it is ready. Throws IhcError `unavailable`. */
export async function startGatewayProcess(parts: GatewayParts): Promise<DemoGateway> {
  const folder = join(parts.home, "gateway");
  mkdirSync(join(folder, "policy"), { recursive: true, mode: 0o700 });
  const config = join(folder, "ihc.yaml");
  writeFileSync(config, stringify(parts.change?.(configuration(parts)) ?? configuration(parts)), {
    mode: 0o600,
  });
  writeFileSync(join(folder, "policy", "shop.cedar"), parts.policy ?? policy, { mode: 0o600 });
  return await startGatewayAgain(parts, config);
}

/** Starts a gateway on files that are there already, as after a crash. */
export async function startGatewayAgain(parts: GatewayParts, config: string): Promise<DemoGateway> {
  const folder = join(parts.home, "gateway");
  const [program, ...args] = parts.ihc;
  const { reader, writer } = parts.shop;
  const child = spawn(program, [...args, "gateway", "--config", config], {
    cwd: folder,
    env: {
      PATH: parts.searchPath,
      HOME: folder,
      NODE_COMPILE_CACHE: join(folder, "cache"),
      PROD_DB_RO: reader.password,
      PROD_DB_RW: writer.password,
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-8000);
    });
  const url = `http://127.0.0.1:${parts.port}`;
  const ready = await untilReady(`${url}/readyz`, () => child.exitCode === null && child.signalCode === null);
  if (!ready) {
    await endChild(child, "SIGKILL");
    throw new IhcError("unavailable", `the gateway did not start: ${said.trim()}`);
  }
  return { name: "the gateway", process: child, url, config, stop: () => endChild(child) };
}

/** A port that was free a moment ago; the gateway must know its address before it starts. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("a TCP server has a port");
  return address.port;
}

async function untilReady(url: string, alive: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 200 && alive(); attempt += 1) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.ok === true) return true;
    await sleep(100);
  }
  return false;
}

export type GatewayConfiguration = ReturnType<typeof configuration>;

function configuration({ idp, audience, port, shop }: GatewayParts) {
  return {
    listen: `127.0.0.1:${port}`,
    issuer: {
      url: idp.issuer,
      client_id: idp.clientId,
      audience,
      scopes: ["openid", "email", "groups", "offline_access"],
    },
    oversight: { auditors: ["auditors"], admins: ["platform-admins"] },
    store: { sqlite: "./state" },
    policy: "./policy",
    targets: {
      "prod-db": {
        postgres: {
          host: "127.0.0.1",
          port: shop.port,
          database: shop.database,
          tls: "disable",
          user: shop.reader.user,
          password: "env:PROD_DB_RO",
          roles: { write: { user: shop.writer.user, password: "env:PROD_DB_RW" } },
        },
        labels: { env: "prod", tier: 1 },
        masking: [
          { columns: ["public.customers.email", "public.customers.phone"], how: "partial" },
          { columns: ["*.ssn", "public.customers.card"], how: "redact" },
          { detect: ["card", "jwt", "aws-key"], how: "redact" },
        ],
        recording: { rows: 1000, bytes: "4MiB" },
      },
    },
  };
}

const policy = `// Responders may look at production and change it, for a while, once a lead has agreed.
@id("responders")
@grant("sre-leads")
@max("4h")
permit (principal in Group::"oncall", action in [Action::"read", Action::"write", Action::"destroy"], resource)
when { resource.labels.env == "prod" };

// In an emergency they do not wait: everybody is alarmed, and the review comes afterwards.
@id("break-glass")
@break_glass
@grant("sre-leads")
@max("1h")
permit (principal in Group::"oncall", action, resource)
when { resource.labels.env == "prod" };

// A change needs a second pair of eyes on the very statement.
@id("writes-need-a-second-person")
@approve("sre-leads")
@within("30m")
@reason("changes in production need a second person")
forbid (principal, action == Action::"write", resource)
when { resource.labels.env == "prod" }
unless { context.approvedBy.contains("sre-leads") || context.breakGlass };

// Never everything at once.
@id("no-unbounded-delete")
@reason("DELETE or UPDATE without WHERE")
@hint("narrow the statement, or ask for break-glass: ihc request prod-db --break-glass")
forbid (principal, action, resource)
when { context.traits.contains("no-where") }
unless { context.breakGlass };
`;
