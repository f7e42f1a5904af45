import type { IncomingMessage } from "node:http";
import { type ClientOptions, WebSocket } from "ws";
import { type ErrorCode, IhcError } from "../base/errors.ts";
import { tunnelEnd } from "./duplex.ts";
import { type KeepAlive, keepAlive, maxPayload, type OpenTunnel, type TunnelEnd } from "./tunnel.ts";

const handshakeTimeout = 15_000;
const refusalLimit = 64 * 1024;

/**
 * Opens a tunnel for one local connection. Rejects with the gateway's own refusal (code and hint of its problem document),
 * or with IhcError `unavailable` when the gateway cannot be reached.
 */
export async function openTunnel(options: OpenTunnel, alive: KeepAlive = keepAlive): Promise<TunnelEnd> {
  options.signal?.throwIfAborted();
  const url = webSocketUrl(options.url);
  const ws = new WebSocket(url, clientOptions(url, await options.headers(), options.agent));
  await opened(ws, options.signal);
  return tunnelEnd(ws, alive);
}

function clientOptions(
  url: URL,
  headers: Readonly<Record<string, string>>,
  agent: OpenTunnel["agent"],
): ClientOptions {
  return {
    headers: { ...headers },
    perMessageDeflate: false,
    maxPayload,
    handshakeTimeout,
    followRedirects: false,
    ...(agent === undefined ? {} : { agent }),
    // The mask protects old proxies from text they could mistake for HTTP; nothing on the path reads TLS or loopback.
    ...(url.protocol === "wss:" || isLoopback(url.hostname)
      ? { generateMask: (mask: Buffer) => void mask.fill(0) }
      : {}),
  };
}

function opened(ws: WebSocket, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => {
    reject(new IhcError("canceled", "the tunnel was given up"));
    ws.terminate();
  };
  signal?.addEventListener("abort", abort, { once: true });
  ws.once("upgrade", (response) => response.socket.setNoDelay(true));
  ws.once("open", resolve);
  ws.once("unexpected-response", (_request, response) => {
    refusal(response).then(reject, reject);
    promise.catch(() => ws.terminate());
  });
  const failed = (cause: Error): void =>
    reject(
      new IhcError("unavailable", "cannot reach the gateway", {
        cause,
        hint: "check the network, then ihc doctor",
      }),
    );
  ws.on("error", failed);
  // Nothing is read before the stream owns the socket, or first bytes would be lost.
  ws.once("open", () => ws.pause());
  return promise.finally(() => {
    signal?.removeEventListener("abort", abort);
  });
}

/** The problem document with which the gateway refused the upgrade. */
async function refusal(response: IncomingMessage): Promise<IhcError> {
  const problem = parsedProblem(await bodyOf(response));
  return new IhcError(
    problem.code ?? codeOf(response.statusCode ?? 0),
    problem.detail ?? `the gateway refused the tunnel with status ${response.statusCode}`,
    {
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
      ...(problem.rule === undefined ? {} : { rule: problem.rule }),
    },
  );
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk) || bytes + chunk.length > refusalLimit) break;
    bytes += chunk.length;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

interface Problem {
  readonly code?: ErrorCode;
  readonly detail?: string;
  readonly hint?: string;
  readonly rule?: string;
}

const known: readonly ErrorCode[] = [
  "not-found",
  "conflict",
  "denied",
  "unauthenticated",
  "invalid",
  "too-large",
  "rate-limited",
  "unavailable",
];

function parsedProblem(body: string): Problem {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null) return {};
    const fields = new Map<string, unknown>(Object.entries(value));
    const text = (key: string): string | undefined => {
      const field = fields.get(key);
      return typeof field === "string" ? field : undefined;
    };
    const [code, detail, hint, rule] = [
      known.find((c) => c === text("code")),
      text("detail"),
      text("hint"),
      text("rule"),
    ];
    return {
      ...(code === undefined ? {} : { code }),
      ...(detail === undefined ? {} : { detail }),
      ...(hint === undefined ? {} : { hint }),
      ...(rule === undefined ? {} : { rule }),
    };
  } catch {
    return {};
  }
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return "unauthenticated";
  if (status === 403) return "denied";
  if (status === 404) return "not-found";
  if (status === 429) return "rate-limited";
  return "unavailable";
}

function webSocketUrl(url: URL): URL {
  const copy = new URL(url);
  if (copy.protocol === "https:") copy.protocol = "wss:";
  if (copy.protocol === "http:") copy.protocol = "ws:";
  return copy;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
}
