import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import { sessionCertificate } from "../../../src/protocols/kubernetes/certificate.ts";

/** What an API server was sent. */
export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  /** Names in lower case and values, as they came, one entry a line. */
  readonly lines: readonly (readonly [string, string])[];
  readonly body: string;
  /** Common name of the client certificate; empty without one. */
  readonly certificate: string;
}

export type Handler = (received: Received, response: ServerResponse) => void;

/** A TLS server of the test's own in place of the API server: it notes what comes and answers as told. */
export interface ApiServer {
  readonly settings: { readonly server: string; readonly ca: string };
  readonly received: readonly Received[];
  readonly folder: string;
  /** Connections so far. */
  readonly connections: () => number;
  answer(handler: Handler): void;
  stop(): Promise<void>;
}

export const pods = {
  kind: "PodList",
  apiVersion: "v1",
  metadata: { resourceVersion: "1" },
  items: [{ metadata: { name: "web", namespace: "prod-app" }, spec: {} }],
};

export async function startApiServer(): Promise<ApiServer> {
  const folder = mkdtempSync(join(tmpdir(), "ihc-api-"));
  const now = new Date();
  const made = await sessionCertificate("api", now, new Date(now.getTime() + 3_600_000));
  const ca = join(folder, "ca.pem");
  writeFileSync(ca, made.ca);
  const received: Received[] = [];
  let handler: Handler = (_received, response) => answerJson(response, 200, pods);
  let connections = 0;
  const options = { cert: made.certificate, key: made.key, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, async (incoming, response) => {
    const { method = "", url = "", headers, rawHeaders } = incoming;
    const lines = rawHeaders.flatMap((name, at): [string, string][] =>
      at % 2 === 0 ? [[name.toLowerCase(), rawHeaders[at + 1] ?? ""]] : [],
    );
    const peer = (incoming.socket as TLSSocket).getPeerCertificate();
    const body = await text(incoming).catch(() => "");
    const one = { method, url, headers, lines, body, certificate: String(peer.subject?.CN ?? "") };
    received.push(one);
    handler(one, response);
  });
  server.on("secureConnection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    settings: { server: `https://127.0.0.1:${address.port}`, ca },
    received,
    folder,
    connections: () => connections,
    answer: (next) => {
      handler = next;
    },
    stop: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      rmSync(folder, { recursive: true });
    },
  };
}

export function answerJson(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export interface Asking {
  readonly port: number;
  readonly ca: string;
  readonly token: string;
}

/** One request on a connection of its own, as a client that trusts the session's authority sends it. */
export async function ask(
  { port, ca, token }: Asking,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string | readonly string[]>>;
    readonly body?: string;
    readonly signal?: AbortSignal;
  } = {},
): Promise<Answer> {
  const incoming = await open({ port, ca, token }, path, options);
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text: await text(incoming) };
}

/** As `ask`, for answers that go on. */
export async function open(
  { port, ca, token }: Asking,
  path: string,
  options: Parameters<typeof ask>[2] = {},
): Promise<IncomingMessage> {
  const { method = "GET", headers = {}, body, signal = AbortSignal.timeout(20_000) } = options;
  const outgoing = request({
    host: "127.0.0.1",
    port,
    path,
    method,
    ca,
    agent: false,
    signal,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [
          name,
          typeof value === "string" ? value : [...value],
        ]),
      ),
    },
  });
  outgoing.end(body);
  const [incoming]: IncomingMessage[] = await once(outgoing, "response");
  if (!incoming) throw new Error("no answer");
  return incoming;
}

/** The message of a Status, which is what kubectl prints. */
export function messageOf({ text: body }: Answer): string {
  const status: unknown = JSON.parse(body);
  if (typeof status === "object" && status !== null && "kind" in status && status.kind === "Status")
    if ("message" in status && typeof status.message === "string") return status.message;
  throw new Error(`this is no Status: ${body.slice(0, 200)}`);
}
