import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { stringify } from "yaml";
import type { Clock } from "../../../src/base/clock.ts";
import { type Idp, startIdp } from "../../../src/demo/idp.ts";
import { openLog } from "../../../src/gateway/log.ts";
import { type Gateway, startGateway } from "../../../src/gateway/main.ts";
import { protocols } from "../../../src/protocols/index.ts";
import type { Protocol } from "../../../src/protocols/protocol.ts";
import { openTunnel } from "../../../src/tunnel/client.ts";
import type { KeepAlive, TunnelEnd } from "../../../src/tunnel/tunnel.ts";
import { lines } from "./lines.ts";
import { accessToken, type Holder, newHolder, proof } from "./tokens.ts";

export const audience = "https://ihc.test";

export const policy = `
@id("oncall-reads") @grant("leads")
permit (principal in Group::"oncall", action in [Action::"read", Action::"write"], resource)
when { resource.labels.env == "prod" };

@id("writes-need-a-lead") @approve("leads") @within("10m")
forbid (principal, action == Action::"write", resource)
when { resource.labels.env == "prod" }
unless { context.approvedBy.contains("leads") };

@id("staging-is-open")
permit (principal in Group::"oncall", action == Action::"read", resource)
when { resource.labels.env == "staging" };

@id("two-leads") @grant("leads:2")
permit (principal in Group::"oncall", action == Action::"read", resource)
when { resource.labels.env == "vault" };
`;

const toy = (env: string) => ({
  lines: {},
  labels: { env },
  masking: [{ detect: ["card"], how: "redact" }],
});

export interface TestGateway {
  readonly gateway: Gateway;
  readonly url: string;
  readonly folder: string;
  readonly idp: Idp;
  /** What the operator's log says. */
  readonly log: () => string;
  /** A person with those groups. */
  person(
    name: string,
    groups: readonly string[],
    claims?: Readonly<Record<string, unknown>>,
  ): Promise<Client>;
  writePolicy(text: string): Promise<void>;
  writeConfig(change: (config: Configuration) => object): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}

export type Body = { readonly [key: string]: unknown };

/** Somebody who calls the API. */
export interface Client {
  readonly holder: Holder;
  readonly token: string;
  call(method: string, path: string, options?: CallOptions): Promise<Answer>;
  tunnel(session: string): Promise<TunnelEnd>;
  headers(method: string, url: string): Promise<Record<string, string>>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly version?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly raw?: string;
}

export type Configuration = ReturnType<typeof configuration>;

export interface TestOptions {
  readonly clock?: Clock;
  readonly change?: (config: Configuration) => object;
  readonly policy?: string;
  readonly keepAlive?: KeepAlive;
  /** Puts more into the gateway's folder. */
  readonly beforeStart?: (folder: string) => void;
}

/** A real gateway on loopback in this process, with a real provider whose key signs the tests' tokens. */
export async function startTestGateway(options: TestOptions = {}): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "ihc-gateway-"));
  const idp = await startIdp({ audience });
  const configPath = join(folder, "ihc.yaml");
  const config = configuration(idp);
  mkdirSync(join(folder, "policy"));
  writeFileSync(join(folder, "policy", "test.cedar"), options.policy ?? policy);
  writeFileSync(configPath, stringify(options.change?.(config) ?? config));
  options.beforeStart?.(folder);
  let said = "";
  const log = openLog(
    new Writable({
      write(chunk, _encoding, done) {
        said += String(chunk);
        done();
      },
    }),
    "debug",
  );
  const start = (): Promise<Gateway> =>
    startGateway({
      configPath,
      dev: true,
      signals: false,
      log,
      protocols: [...Object.values<Protocol<unknown>>(protocols), lines],
      ...(options.clock ? { clock: options.clock } : {}),
      ...(options.keepAlive ? { keepAlive: options.keepAlive } : {}),
    });
  let gateway = await start().catch(async (error: unknown) => {
    await idp.stop();
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  return {
    get gateway() {
      return gateway;
    },
    get url() {
      return gateway.url;
    },
    folder,
    idp,
    log: () => said,
    async person(name, groups, claims = {}) {
      const holder = await newHolder(name);
      const token = await accessToken(idp, holder, { groups, ...claims });
      return client(() => gateway.url, holder, token);
    },
    writePolicy: (text) => writeFile(join(folder, "policy", "test.cedar"), text),
    writeConfig: (change) => writeFile(configPath, stringify(change(configuration(idp)))),
    async restart() {
      await gateway.stop();
      gateway = await start();
    },
    async stop() {
      await gateway.stop();
      await idp.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function client(url: () => string, holder: Holder, token: string): Client {
  const headers = async (method: string, address: string): Promise<Record<string, string>> => ({
    authorization: `DPoP ${token}`,
    dpop: await proof(holder, method, address.split("?")[0] ?? address, token),
  });
  return {
    holder,
    token,
    headers,
    async call(method, path, { body, version, headers: more = {}, raw } = {}) {
      const address = `${url()}${path}`;
      const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await fetch(address, {
        method,
        headers: {
          ...(await headers(method, address)),
          ...(sent === undefined ? {} : { "content-type": "application/json" }),
          ...(version === undefined ? {} : { "if-match": `"${version}"` }),
          ...more,
        },
        ...(sent === undefined ? {} : { body: sent }),
        signal: AbortSignal.timeout(20_000),
      });
      return answerOf(response);
    },
    tunnel: (session) => {
      const address = new URL(`${url()}/v1/tunnel/${session}`);
      return openTunnel({ url: address, headers: () => headers("GET", address.href) });
    },
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") === true && text.startsWith("{");
  const body: Body = isJson && !text.includes("}\n{") ? JSON.parse(text) : {};
  return { status: response.status, headers: response.headers, text, body };
}

function configuration(idp: Idp) {
  return {
    listen: "127.0.0.1:0",
    issuer: { url: idp.issuer, client_id: idp.clientId, audience, groups_claim: "groups" },
    store: { sqlite: "./state" },
    policy: "./policy",
    oversight: { auditors: ["auditors"], admins: ["admins"] },
    recording: { free_space_floor: "1MiB" },
    targets: { prod: toy("prod"), staging: toy("staging"), vault: toy("vault") },
  };
}
