import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { IhcError } from "../../base/errors.ts";
import type { Session } from "../../core/session/session.ts";
import type { Upstream } from "../protocol.ts";
import { answerStatus, endedStatus, failed, refuseUpgrade, unauthorized, unreadable } from "./denial.ts";
import type { SessionState, StatusAnswer } from "./exchange.ts";
import { headerRefusal } from "./headers.ts";
import { objectMasks } from "./masks.ts";
import { answerRequest } from "./requests.ts";
import type { Serving } from "./serving.ts";
import type { KubernetesSettings } from "./settings.ts";
import { answerUpgrade } from "./upgrades.ts";
import { clusterOf } from "./upstream.ts";

/** How long a client may take for TLS, for the head of a request and for all of it, milliseconds. */
const handshake = 10_000;
const head = 10_000;
const whole = 60_000;
/** How long a connection may lie idle: client-go closes its own after 90 s. */
const idle = 120_000;
/** How long the last answers have to leave when the session ends; the gateway cuts the tunnel soon after. */
const farewell = 200;

/**
 * Serves one client connection to its end: TLS with the session's certificate, then HTTP/1.1, each request judged by itself.
 * Never rejects for what a peer did.
 */
export async function serve(
  client: Duplex,
  session: Session,
  upstream: Upstream<KubernetesSettings, SessionState>,
): Promise<void> {
  const { prepared: state } = upstream;
  if (!state) throw new IhcError("internal", "the session was not prepared");
  const serving: Serving = {
    session,
    upstream,
    state,
    cluster: clusterOf(session, upstream, state),
    masks: objectMasks(session.masks),
  };
  const tls = new TLSSocket(client, {
    isServer: true,
    secureContext: state.tls,
    ALPNProtocols: ["http/1.1"],
  });
  const server = httpServer(serving);
  const cut = (): void => {
    setTimeout(() => tls.destroy(), farewell).unref();
  };
  const timer = setTimeout(() => tls.destroy(), handshake);
  tls.once("secure", () => {
    clearTimeout(timer);
    server.emit("connection", tls);
  });
  // Whatever breaks there ends this connection and nothing else.
  tls.on("error", () => tls.destroy());
  session.signal.addEventListener("abort", cut, { once: true });
  if (session.signal.aborted) cut();
  await closed(client, tls);
  clearTimeout(timer);
  session.signal.removeEventListener("abort", cut);
  server.closeAllConnections();
  server.close();
  client.destroy();
}

function httpServer(serving: Serving): Server {
  const { session } = serving;
  const limits = {
    maxHeaderSize: 32 * 1024,
    headersTimeout: head,
    requestTimeout: whole,
    keepAliveTimeout: idle,
    connectionsCheckingInterval: 5000,
    noDelay: true,
  };
  const server = createServer(limits);
  server.on("request", (request, response) => {
    const refusal = refused(request, serving);
    if (refusal) {
      // What follows on this connection is nobody's.
      answerStatus(response, refusal, session.masks, { connection: "close" });
      return;
    }
    answerRequest(serving, request, response).catch((error: unknown) => {
      report(serving, error);
      answerStatus(response, failed(error), session.masks, { connection: "close" });
    });
  });
  server.on("upgrade", (request, socket, first) => {
    socket.on("error", () => socket.destroy());
    const refusal = refused(request, serving);
    if (refusal) {
      refuseUpgrade(socket, refusal, session.masks);
      return;
    }
    answerUpgrade(serving, request, socket, first).catch((error: unknown) => {
      report(serving, error);
      refuseUpgrade(socket, failed(error), session.masks);
    });
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === "ECONNRESET") socket.destroy();
    else refuseUpgrade(socket, malformed, session.masks);
  });
  return server;
}

const malformed = unreadable({
  rule: "malformed-request",
  reason: "this is not HTTP/1.1 as the gateway reads it",
});

/** Before anything else is looked at: is it the session's own client, and does it pretend to be somebody else. */
function refused(request: IncomingMessage, { session, upstream }: Serving): StatusAnswer | undefined {
  if (session.signal.aborted) return endedStatus(session.signal);
  if (!isOurs(request, upstream.login.sha256)) return unauthorized;
  return headerRefusal(request.rawHeaders);
}

function isOurs({ headers }: IncomingMessage, sha256: string): boolean {
  const [, token = ""] = /^Bearer ([A-Za-z0-9_-]{1,200})$/.exec(headers.authorization ?? "") ?? [];
  const given = createHash("sha256").update(token).digest();
  return timingSafeEqual(given, Buffer.from(sha256, "base64"));
}

function report({ upstream }: Serving, error: unknown): void {
  if (error instanceof IhcError && error.code !== "unavailable" && error.code !== "internal") return;
  const reason = error instanceof IhcError ? error.message : error instanceof Error ? error.name : "unknown";
  upstream.log(error instanceof IhcError ? "warn" : "error", "a kubernetes request failed", { reason });
}

/** Resolves when either end of the pipe is gone. */
function closed(client: Duplex, tls: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    if (client.destroyed || tls.destroyed) resolve();
    client.once("close", () => resolve());
    tls.once("close", () => resolve());
  });
}
