import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createWebSocketStream, WebSocketServer } from "ws";
import type { KeyAndCertificate } from "./certificates.ts";
import { serveCommand } from "./channels.ts";
import { endRunning, type Running, runInPod } from "./containers.ts";
import { servePorts } from "./ports.ts";
import { serveCommandOverSpdy, serveForwarding } from "./spdy-streams.ts";

/** What stands in for a node's kubelet: the API server dials it for exec, attach, logs, port-forward and nodes/proxy. */
export interface Kubelet {
  readonly port: number;
  /** Every request target that reached it, in order: what the gateway must have let through. */
  readonly requests: readonly string[];
  /** Commands of exec and attach, in order, each with what became of it. */
  readonly commands: readonly StartedCommand[];
  /** Subprotocols of its WebSockets, best first; besides, it speaks SPDY. One before 1.29 has v4 alone. Change it during a test. */
  protocols: readonly string[];
  /** When set, an upgrade is answered with a redirect to that address instead. */
  redirect: string | undefined;
  /** Adds text to a container's log; those who follow get it at once. */
  log(pod: string, text: string): void;
  stop(): Promise<void>;
}

export interface StartedCommand extends Running {
  /** namespace/name */
  readonly pod: string;
  readonly command: readonly string[];
  readonly protocol: string;
}

const spdyTunnel = "SPDY/3.1+portforward.k8s.io";

/** Starts it on loopback. `root` is a folder in which each pod gets a folder of its own. */
export async function startKubelet(
  root: string,
  own: KeyAndCertificate,
  clientAuthority: string,
): Promise<Kubelet> {
  const requests: string[] = [];
  const commands: StartedCommand[] = [];
  const logs = new Map<string, string>();
  const followers = new Map<string, Set<ServerResponse>>();
  const sockets = new Set<Socket>();
  const server = createServer({
    key: own.key,
    cert: own.certificate,
    ca: clientAuthority,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const wss = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => kubelet.protocols.find((name) => offered.has(name)) ?? false,
  });
  wss.on("headers", (headers, request) => {
    const asked = request.rawHeaders.some((value) => value === spdyTunnel);
    if (asked) headers.push(`Sec-WebSocket-Protocol: ${spdyTunnel}`);
  });
  const kubelet: Kubelet = {
    port: 0,
    requests,
    commands,
    protocols: ["v5.channel.k8s.io", "v4.channel.k8s.io", spdyTunnel],
    redirect: undefined,
    log: (pod, text) => {
      logs.set(pod, (logs.get(pod) ?? "") + text);
      for (const follower of followers.get(pod) ?? []) follower.write(text);
    },
    stop: async () => {
      for (const running of commands) endRunning(running);
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };

  server.on("secureConnection", (socket: Socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("request", (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response, logs, followers);
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    requests.push(`${request.method} ${request.url} ${request.headers.upgrade}`);
    const no = (line: string): void => {
      socket.end(`HTTP/1.1 ${line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    };
    if (kubelet.redirect !== undefined) return no(`302 Found\r\nLocation: ${kubelet.redirect}`);
    const offered = (request.headers["sec-websocket-protocol"] ?? "").split(/\s*,\s*/);
    const asked = askedOf(request);
    const run = (protocol: string): Running => {
      const { pod, command, flags } = asked;
      const running = runInPod(root, pod, command, flags.has("tty"));
      commands.push({ ...running, pod, command, protocol });
      return running;
    };
    if (request.headers.upgrade?.toLowerCase() === "spdy/3.1") {
      socket.write(spdyAccepted(request));
      if (asked.what === "portForward") serveForwarding(socket);
      else serveCommandOverSpdy(socket, asked.flags, () => run("SPDY/3.1"));
      return;
    }
    if (request.headers.upgrade?.toLowerCase() !== "websocket") return no("400 Bad Request");
    if (!kubelet.protocols.some((name) => offered.includes(name))) return no("403 Forbidden");
    // The slash makes it no token, so that ws would refuse the header: it is answered without ws looking at it.
    const tunnelled = kubelet.protocols.includes(spdyTunnel) && offered.includes(spdyTunnel);
    if (tunnelled) delete request.headers["sec-websocket-protocol"];
    wss.handleUpgrade(request, socket, head, (client) => {
      client.on("error", () => client.terminate());
      if (asked.what !== "portForward") serveCommand(client, run(client.protocol), asked.flags);
      else if (tunnelled) serveForwarding(createWebSocketStream(client));
      else servePorts(client, asked.ports);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(kubelet, { port: (server.address() as AddressInfo).port });
}

/** What the API server asks for: `/exec/namespace/pod/container?command=…&input=1`. */
function askedOf({ url: target = "/" }: IncomingMessage) {
  const { pathname, searchParams } = new URL(target, "https://kubelet");
  const [, what, namespace, name] = pathname.split("/");
  return {
    what,
    pod: `${namespace}/${name}`,
    command: what === "attach" ? ["cat"] : searchParams.getAll("command"),
    flags: new Set(["input", "output", "error", "tty"].filter((flag) => searchParams.get(flag) === "1")),
    ports: searchParams.getAll("port").map(Number),
  };
}

/** Of the stream protocols that are offered, best first, the best. */
function spdyAccepted({ headers }: IncomingMessage): string {
  const [protocol] = String(headers["x-stream-protocol-version"]).split(", ");
  const lines = ["Connection: Upgrade", "Upgrade: SPDY/3.1", `X-Stream-Protocol-Version: ${protocol}`];
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`;
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  logs: ReadonlyMap<string, string>,
  followers: Map<string, Set<ServerResponse>>,
): void {
  const url = new URL(request.url ?? "/", "https://kubelet");
  const [, what, namespace, name] = url.pathname.split("/");
  response.on("error", () => response.destroy());
  if (what === "run") return void response.end("ran\n");
  if (what !== "containerLogs") return void response.writeHead(404).end();
  const pod = `${namespace}/${name}`;
  const lines = (logs.get(pod) ?? "").split(/(?<=\n)/);
  const tail = url.searchParams.get("tailLines");
  response.writeHead(200, { "content-type": "text/plain" });
  response.write((tail === null ? lines : lines.slice(-Number(tail) || lines.length)).join(""));
  if (url.searchParams.get("follow") !== "true") return void response.end();
  const following = followers.get(pod) ?? new Set();
  followers.set(pod, following.add(response));
  response.on("close", () => following.delete(response));
}
