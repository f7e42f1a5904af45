import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { type WebSocket, WebSocketServer } from "ws";
import { newAuthority } from "./certificates.ts";

/** A TLS server that speaks what an API server speaks for exec, attach and port-forward, and does as the test says. */
export interface StreamServer {
  readonly url: string;
  readonly caFile: string;
  /** Requests for an upgrade, in order. */
  readonly upgrades: readonly IncomingMessage[];
  /** Subprotocols it speaks, best first. */
  protocols: readonly string[];
  /** What it answers to all upgrades instead of switching: status and body. */
  refusal: { readonly status: number; readonly body: string } | undefined;
  /** Takes each stream. */
  take: (socket: WebSocket, request: IncomingMessage) => void;
  stop(): Promise<void>;
}

export async function startStreamServer(): Promise<StreamServer> {
  const folder = mkdtempSync("/tmp/ihc-streams-");
  const authority = await newAuthority();
  const own = await authority.server("kube-apiserver");
  const caFile = join(folder, "ca.crt");
  writeFileSync(caFile, authority.certificate);
  const sockets = new Set<Socket>();
  const upgrades: IncomingMessage[] = [];
  const server = createServer({ key: own.key, cert: own.certificate }, (_request, response) => {
    response.writeHead(404, { "content-type": "application/json" });
    response.end('{"kind":"Status","apiVersion":"v1","status":"Failure","code":404}');
  });
  const wss = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => streams.protocols.find((name) => offered.has(name)) ?? false,
  });
  const streams: Omit<StreamServer, "stop"> = {
    url: "",
    caFile,
    upgrades,
    protocols: ["v5.channel.k8s.io", "v4.channel.k8s.io", "SPDY/3.1+portforward.k8s.io"],
    refusal: undefined,
    take: (socket) => socket.close(),
  };
  server.on("secureConnection", (socket: Socket) => {
    sockets.add(socket.setNoDelay(true));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("upgrade", (request: IncomingMessage, socket, head) => {
    upgrades.push(request);
    const { refusal } = streams;
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/);
    const answer = (status: number, body: string) =>
      socket.end(
        `HTTP/1.1 ${status} No\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
      );
    if (refusal) return void answer(refusal.status, refusal.body);
    if (!streams.protocols.some((name) => offered.includes(name))) return void answer(403, "");
    const odd = offered.find((name) => name.includes("/"));
    if (odd) delete request.headers["sec-websocket-protocol"];
    if (odd) wss.once("headers", (headers) => headers.push(`Sec-WebSocket-Protocol: ${odd}`));
    wss.handleUpgrade(request, socket, head, (client) => {
      client.on("error", () => client.terminate());
      streams.take(client, request);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return Object.assign(streams, {
    url: `https://127.0.0.1:${port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
      rmSync(folder, { recursive: true, force: true });
    },
  });
}
