import type { ClientRequest, IncomingMessage } from "node:http";
import type { SecureContext } from "node:tls";
import { WebSocket } from "ws";
import { portTunnel } from "./wire/channels.ts";

/** How long the API server and the kubelet behind it may take to begin a stream, milliseconds. */
const beginning = 30_000;
const largestMessage = 1024 * 1024;

export interface DialOptions {
  readonly headers: Record<string, string | string[]>;
  readonly secureContext: SecureContext;
  readonly servername?: string;
}

/**
 * Begins a WebSocket to the API server. The target is sent as it was rebuilt, not as the URL class would write it. The
 * socket is paused once it is open: what the server says at once must wait for its reader.
 */
export function dialSocket(
  server: string,
  target: string,
  protocols: readonly string[],
  options: DialOptions,
): WebSocket {
  const tunnel = protocols.includes(portTunnel);
  const url = new URL(server.replace(/^https:/, "wss:"));
  const socket = new WebSocket(url, tunnel ? [] : [...protocols], {
    ...options,
    handshakeTimeout: beginning,
    perMessageDeflate: false,
    followRedirects: false,
    maxPayload: largestMessage,
    finishRequest: (request) => {
      request.path = target;
      if (tunnel) offerTunnel(request);
      request.end();
    },
  });
  socket.once("open", () => socket.pause());
  return socket;
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
