import type { WebSocket } from "ws";
import { endRunning, type Running } from "./containers.ts";

/** Channels of channel.k8s.io: 0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize; v5 closes one with 255. */
export function serveCommand(socket: WebSocket, running: Running, wanted: ReadonlySet<string>): void {
  const { process: child, ended, sizes } = running;
  const send = (channel: number, data: Uint8Array): void => {
    if (socket.readyState === socket.OPEN) socket.send(Buffer.concat([Buffer.of(channel), data]));
  };
  // As the kubelet does, so that the client knows that the stream is up.
  send(1, Buffer.alloc(0));
  for (const [channel, stream] of [
    [1, child.stdout],
    [2, child.stderr],
  ] as const)
    stream.on("data", (data: Buffer) => {
      send(channel, data);
      if (socket.bufferedAmount < 1 << 20) return;
      stream.pause();
      drained(socket, () => stream.resume());
    });
  socket.on("message", (raw: Buffer) => {
    const [channel] = raw;
    const data = raw.subarray(1);
    if (channel === 0 && wanted.has("input") && child.stdin.writable) child.stdin.write(data);
    if (channel === 255 && data[0] === 0) child.stdin.end();
    if (channel === 4) sizes.push(sizeOf(data));
  });
  if (!wanted.has("input")) child.stdin.end();
  socket.on("close", () => endRunning(running));
  void ended.then((code) => {
    send(3, Buffer.from(JSON.stringify(statusOf(code))));
    socket.close(1000);
  });
}

function drained(socket: WebSocket, then: () => void): void {
  const timer = setInterval(() => {
    if (socket.readyState === socket.OPEN && socket.bufferedAmount > 1 << 16) return;
    clearInterval(timer);
    then();
  }, 5);
}

export function sizeOf(data: Buffer): { width: number; height: number } {
  const size: { Width?: number; Height?: number } = JSON.parse(data.toString("utf8"));
  return { width: size.Width ?? 0, height: size.Height ?? 0 };
}

export function statusOf(code: number): object {
  if (code === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  };
}
