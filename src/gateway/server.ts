import { randomUUID } from "node:crypto";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { IhcError } from "../base/errors.ts";
import type { App } from "./api/app.ts";
import { problemHeaders, problemOf } from "./api/problem.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import { errorFields, type Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";

export interface Certificate {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface ServerParts {
  readonly app: App;
  readonly gatekeeper: Gatekeeper;
  /** Takes upgrade requests that the gatekeeper let pass; throws IhcError to refuse. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly certificate?: Certificate;
  /** Sockets at a time; more are closed at once. */
  readonly connections: number;
}

export interface HttpServer {
  readonly port: number;
  /** A renewed certificate for new connections. */
  setCertificate(certificate: Certificate): void;
  /** Takes no new connections; resolves when those that are answered are done, or are cut after a moment. */
  stop(): Promise<void>;
}

const limits: ServerOptions = {
  maxHeaderSize: 32 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  insecureHTTPParser: false,
  requireHostHeader: true,
  noDelay: true,
};

const securityHeaders: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** Serves the control API and tunnels on one port, with TLS when there is a certificate. */
export async function startServer(host: string, port: number, parts: ServerParts): Promise<HttpServer> {
  const requests = requestListener(parts);
  const tls = parts.certificate;
  const server: Server | TlsServer = tls
    ? createTlsServer({ ...limits, ...tls, minVersion: "TLSv1.2", ALPNProtocols: ["http/1.1"] }, requests)
    : createServer(limits, requests);
  server.maxRequestsPerSocket = 10_000;
  server.maxConnections = parts.connections;
  // Such as no more file descriptors: this connection is lost, the gateway is not.
  server.on("error", (error) =>
    parts.log.error({ err: errorFields(error) }, "a connection could not be taken"),
  );
  server.on("upgrade", (request, socket, head) => {
    upgraded(parts, request, socket, head).catch((error: unknown) => refuseUpgrade(parts, socket, error));
  });
  server.on("clientError", (_error, socket) => {
    if (socket.writable)
      socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    else socket.destroy();
  });
  await listening(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    setCertificate(certificate) {
      if ("setSecureContext" in server) server.setSecureContext({ ...certificate, minVersion: "TLSv1.2" });
    },
    stop: () => stopped(server),
  };
}

function requestListener({ app, gatekeeper, log, metrics }: ServerParts) {
  const ids = new WeakMap<IncomingMessage, string>();
  const listener = getRequestListener(
    (request, env) => {
      const requestId = "incoming" in env ? ids.get(env.incoming as IncomingMessage) : undefined;
      return app.fetch(request, { ...env, requestId: requestId ?? "" });
    },
    { overrideGlobalObjects: false },
  );
  return (request: IncomingMessage, response: ServerResponse): void => {
    const requestId = randomUUID();
    const started = performance.now();
    ids.set(request, requestId);
    response.setHeader("x-request-id", requestId);
    for (const [name, value] of Object.entries(securityHeaders)) response.setHeader(name, value);
    response.on("close", () => {
      const seconds = (performance.now() - started) / 1000;
      const route = routeName(request.url ?? "");
      metrics.answered(route, response.statusCode, seconds);
      log.info(
        { request: requestId, method: request.method, route, status: response.statusCode, seconds },
        "answered",
      );
    });
    try {
      gatekeeper.admit(request);
    } catch (error) {
      const body = problemOf(error, requestId);
      response.writeHead(body.status, { ...problemHeaders(body.status), connection: "close" });
      response.end(JSON.stringify(body));
      return;
    }
    void listener(request, response);
  };
}

async function upgraded(
  parts: ServerParts,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on("error", () => socket.destroy());
  parts.gatekeeper.admit(request);
  await parts.upgrade(request, socket, head);
}

function refuseUpgrade({ log }: ServerParts, socket: Duplex, error: unknown): void {
  const instance = randomUUID();
  if (!(error instanceof IhcError)) log.error({ err: error, request: instance }, "an upgrade failed");
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error, instance);
  const body = JSON.stringify(problem);
  const headers = Object.entries({
    ...problemHeaders(problem.status),
    connection: "close",
    "content-length": String(Buffer.byteLength(body)),
  });
  const lines = [
    `HTTP/1.1 ${problem.status} ${problem.title}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  socket.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

const routes =
  /^\/(\.well-known\/ihc|healthz|readyz|metrics|openapi\.json|v1\/(?:whoami|targets|requests|grants|sessions|audit|tunnel))(?:\/|$)/;

/** A route's shape without ids, for logs and metrics: neither holds what a client put into a URL. */
function routeName(url: string): string {
  const [path = ""] = url.split("?", 1);
  const known = routes.exec(path)?.[1];
  return known === undefined ? "other" : `/${known}`;
}

function listening(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (cause: NodeJS.ErrnoException) =>
    reject(
      new IhcError("config", `cannot listen on ${host}:${port}: ${cause.code ?? "it failed"}`, {
        hint: "is another gateway running, or is the port taken",
        cause,
      }),
    ),
  );
  server.listen(port, host, resolve);
  return promise;
}

async function stopped(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const cut = setTimeout(() => server.closeAllConnections(), 2000);
  await promise;
  clearTimeout(cut);
}
