import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { openTunnel } from "../../src/tunnel/client.ts";
import { acceptTunnel, tunnelUpgrade } from "../../src/tunnel/server.ts";
import type { ServerTunnelEnd, TunnelEnd } from "../../src/tunnel/tunnel.ts";

export interface FarEnd {
  open(signal: AbortSignal): Promise<TunnelEnd>;
  close(): void;
}

/** A real WebSocket end on loopback that serves each tunnel with `serve`; status 403 with a problem when it is undefined. */
export async function farEnd(serve: ((end: ServerTunnelEnd) => void) | undefined): Promise<FarEnd> {
  const upgrade = tunnelUpgrade();
  const server = createServer();
  server.on("upgrade", (request, socket, head) => {
    if (serve === undefined) {
      const body = JSON.stringify({ code: "denied", detail: "the grant has ended", hint: "ask again" });
      socket.end(
        `HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      );
      return;
    }
    upgrade.accept(request, socket, head).then(
      (ws) => serve(acceptTunnel(ws)),
      () => socket.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/tunnel/ses_X`);
  return {
    open: (signal) => openTunnel({ url, headers: () => Promise.resolve({}), signal }),
    close: () => {
      server.close();
      server.closeAllConnections();
      upgrade.close();
    },
  };
}
