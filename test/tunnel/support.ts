import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { acceptTunnel, tunnelUpgrade } from "../../src/tunnel/server.ts";
import { type KeepAlive, keepAlive, type ServerTunnelEnd } from "../../src/tunnel/tunnel.ts";

export interface TunnelServer {
  readonly url: URL;
  /** Every tunnel that was accepted, in order. */
  readonly accepted: ServerTunnelEnd[];
  next(): Promise<ServerTunnelEnd>;
  stop(): Promise<void>;
}

/** A loopback HTTP server that accepts every upgrade as a tunnel. */
export async function tunnelServer(alive: KeepAlive = keepAlive): Promise<TunnelServer> {
  const http = createServer();
  const upgrade = tunnelUpgrade();
  const accepted: ServerTunnelEnd[] = [];
  const waiting: ((end: ServerTunnelEnd) => void)[] = [];
  const ready: ServerTunnelEnd[] = [];
  http.on("upgrade", (request, socket, head) => {
    upgrade.accept(request, socket, head).then(
      (ws) => {
        const end = acceptTunnel(ws, alive);
        accepted.push(end);
        end.stream.on("error", () => end.stream.destroy());
        const waiter = waiting.shift();
        if (waiter) waiter(end);
        else ready.push(end);
      },
      () => socket.destroy(),
    );
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const { port } = http.address() as AddressInfo;
  return {
    url: new URL(`ws://127.0.0.1:${port}/`),
    accepted,
    next: async () => ready.shift() ?? new Promise((resolve) => waiting.push(resolve)),
    async stop() {
      for (const end of accepted) end.stream.destroy();
      http.closeAllConnections();
      http.close();
      upgrade.close();
      await once(http, "close");
    },
  };
}
