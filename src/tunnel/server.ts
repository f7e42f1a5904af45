import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import { tunnelEnd } from "./duplex.ts";
import { type KeepAlive, keepAlive, maxPayload, type ServerTunnelEnd } from "./tunnel.ts";

/** The gateway's side of a tunnel over an upgraded WebSocket. */
export function acceptTunnel(ws: WebSocket, alive: KeepAlive = keepAlive): ServerTunnelEnd {
  return tunnelEnd(ws, alive);
}

/** Answers upgrade requests that the caller has already authorised. */
export interface TunnelUpgrade {
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket>;
  close(): void;
}

/** Upgrades without deflate and without keeping a list of clients: who accepts a tunnel owns it. */
export function tunnelUpgrade(): TunnelUpgrade {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    handleProtocols: () => false,
  });
  return {
    accept(request, socket, head) {
      request.socket.setNoDelay(true);
      const { promise, resolve, reject } = Promise.withResolvers<WebSocket>();
      socket.once("close", () => reject(new Error("the peer went away during the upgrade")));
      server.handleUpgrade(request, socket, head, (ws) => {
        // Nothing is read before the stream owns the socket, or first bytes would be lost.
        ws.pause();
        resolve(ws);
      });
      return promise;
    },
    close: () => server.close(),
  };
}
