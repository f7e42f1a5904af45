import type { ClientRequest, IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { type Reach, unreachable } from "./api-server.ts";
import { portTunnel, type StreamProtocol } from "./wire/channels.ts";

/** How long the API server and the kubelet behind it may take to begin a stream, milliseconds. */
const beginning = 30_000;
const largestMessage = 1024 * 1024;

/** What an upgrade is asked for with: the target as it was rebuilt, and headers that may pass. */
export interface Dialling {
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly signal: AbortSignal;
}

export type DialledWebSocket =
  | { readonly kind: "open"; readonly socket: WebSocket; readonly protocol: StreamProtocol }
  | { readonly kind: "refused"; readonly response: IncomingMessage };

/**
 * Asks for a WebSocket that speaks one of the protocols. It is paused when it is open: what the server says at once must wait
 * for its reader. Throws IhcError `unavailable`; ends with `signal`.
 */
export function dialWebSocket(
  { authorization, host, port, ...reach }: Reach,
  protocols: readonly StreamProtocol[],
  { target, headers, signal }: Dialling,
): Promise<DialledWebSocket> {
  const tunnel = protocols.includes(portTunnel);
  const { promise, resolve, reject } = Promise.withResolvers<DialledWebSocket>();
  if (signal.aborted) throw unreachable(new Error("too late"), signal);
  const socket = new WebSocket(
    `wss://${host.includes(":") ? `[${host}]` : host}:${port}`,
    tunnel ? [] : [...protocols],
    {
      ...reach,
      headers: { ...headers, ...authorization },
      handshakeTimeout: beginning,
      perMessageDeflate: false,
      followRedirects: false,
      maxPayload: largestMessage,
      finishRequest: (request) => {
        // As it was rebuilt, not as the URL class would write it.
        request.path = target;
        if (tunnel) offerTunnel(request);
        request.end();
      },
    },
  );
  const cut = (): void => socket.terminate();
  signal.addEventListener("abort", cut, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", cut));
  socket.on("error", (cause) => reject(unreachable(cause, signal)));
  socket.once("open", () => {
    socket.pause();
    const protocol = tunnel ? portTunnel : protocols.find((name) => name === socket.protocol);
    // A server that chooses none speaks what only it knows.
    if (protocol) return resolve({ kind: "open", socket, protocol });
    socket.terminate();
    reject(unreachable(new Error("no subprotocol"), signal));
  });
  socket.once("unexpected-response", (_request, response) => resolve({ kind: "refused", response }));
  return promise;
}

/** The name holds a slash, which RFC 6455 and ws do not allow in a subprotocol: so it is offered and checked here. */
function offerTunnel(request: ClientRequest): void {
  request.setHeader("Sec-WebSocket-Protocol", portTunnel);
  request.prependListener("upgrade", (response: IncomingMessage) => {
    const chosen = response.headers["sec-websocket-protocol"];
    // Any other answer stays, and ws refuses a subprotocol that it did not ask for.
    if (chosen === portTunnel) delete response.headers["sec-websocket-protocol"];
    else response.headers["sec-websocket-protocol"] = chosen ?? "none";
  });
}
