/**
 * The yardsticks, each a process of its own: `tcp` passes bytes on, `ws-near` and `ws-far` do so with a WebSocket between
 * them, as the local agent and the gateway do, without looking at anything.
 *
 *   node bench/relay.ts tcp|ws-near|ws-far <port to pass on to>
 *
 * Prints its own port.
 */
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

const backlog = 256 * 1024;

function tcp(to: number): Server {
  return createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ port: to, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    near.pipe(far).on("error", () => near.destroy());
    far.pipe(near).on("error", () => far.destroy());
  });
}

function wsNear(to: number): Server {
  return createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
    const ws = new WebSocket(`ws://127.0.0.1:${to}/`, {
      perMessageDeflate: false,
      generateMask: (mask: Buffer) => void mask.fill(0),
    });
    ws.once("upgrade", (response) => response.socket.setNoDelay(true));
    ws.once("open", () => join(socket, ws));
    ws.on("error", () => socket.destroy());
  });
}

function wsFar(to: number): Server {
  const server = createHttpServer();
  const upgrades = new WebSocketServer({ server, perMessageDeflate: false });
  upgrades.on("connection", (ws, request) => {
    request.socket.setNoDelay(true);
    ws.pause();
    const socket = connect({ port: to, host: "127.0.0.1", noDelay: true });
    socket.once("connect", () => join(socket, ws));
    socket.on("error", () => ws.terminate());
  });
  return server;
}

function join(socket: Socket, ws: WebSocket): void {
  ws.binaryType = "nodebuffer";
  ws.on("message", (data) => {
    if (Buffer.isBuffer(data) && !socket.write(data)) ws.pause();
  });
  socket.on("drain", () => ws.resume());
  socket.on("data", (chunk) => {
    ws.send(chunk, () => {
      if (socket.isPaused() && ws.bufferedAmount < backlog) socket.resume();
    });
    if (ws.bufferedAmount > backlog) socket.pause();
  });
  socket.on("close", () => ws.close());
  socket.on("error", () => ws.terminate());
  ws.on("close", () => socket.destroy());
  ws.on("error", () => socket.destroy());
  ws.resume();
  socket.resume();
}

const [mode = "", port = ""] = process.argv.slice(2);
const make = { tcp, "ws-near": wsNear, "ws-far": wsFar }[mode];
if (make === undefined) throw new TypeError(`there is no relay ${mode}`);
const server = make(Number(port));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.stdout.write(`${address.port}\n`);
});
// Whoever started us has gone: nobody would end us.
process.stdin.on("end", () => process.exit(0)).resume();
