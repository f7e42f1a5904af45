import type { Duplex } from "node:stream";
import type { LineListener, MessageLine } from "./message-line.ts";
import { channelFrame, endFrame, protocolV5, readClientFrame } from "./wire/channels.ts";
import { dataFrame, pingFrame, SpdyReader, synStream } from "./wire/spdy.ts";

/**
 * An exec or attach over SPDY as if it were v5.channel.k8s.io. Before 1.30 that is the only way to tell a command that its
 * input has ended. Each channel is a stream, which its header `streamtype` names.
 */
export interface SpdyStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Odd numbers are the client's. */
const numbers = { error: 1, stdin: 3, stdout: 5, stderr: 7, resize: 9 } as const;

export function spdyLine(socket: Duplex, head: Buffer, wanted: SpdyStreams): MessageLine {
  const reader = new SpdyReader();
  let listener: LineListener | undefined;
  const send = (bytes: Uint8Array, sent?: () => void): void => {
    if (socket.writable) socket.write(bytes, () => sent?.());
    else sent?.();
  };
  const take = (bytes: Uint8Array): void => {
    for (const frame of reader.push(bytes)) {
      if (frame.kind === "data") tell(frame.stream, frame.data, frame.last);
      // Even numbers are the server's own.
      else if (frame.kind === "ping" && frame.id % 2 === 0) send(pingFrame(frame.id));
      else if (frame.kind === "reset" || frame.kind === "goaway") socket.end();
    }
  };
  const tell = (stream: number, data: Uint8Array, last: boolean): void => {
    const channel = channelOf(stream);
    if (channel === undefined) return;
    if (data.length > 0) listener?.message(channelFrame(channel, data), true);
    if (last) listener?.message(endFrame(channel), true);
  };
  const guarded = (bytes: Uint8Array): void => {
    try {
      take(bytes);
    } catch {
      // Whatever it speaks, it is not what was agreed upon.
      socket.destroy();
    }
  };
  const streams = [
    "error" as const,
    ...(["stdin", "stdout", "stderr"] as const).filter(
      (name) => wanted[name] && !(name === "stderr" && wanted.tty),
    ),
    ...(wanted.tty ? (["resize"] as const) : []),
  ];
  for (const [at, name] of streams.entries()) send(synStream(numbers[name], { streamtype: name }, at === 0));
  socket.pause();
  return {
    get isOpen() {
      return !socket.destroyed;
    },
    send: (message, sent) => {
      const frame = readClientFrame(message, protocolV5);
      if (frame.kind === "stdin") send(dataFrame(numbers.stdin, frame.data, false), sent);
      else if (frame.kind === "end-of-stdin") send(dataFrame(numbers.stdin, Buffer.alloc(0), true), sent);
      else if (wanted.tty) send(dataFrame(numbers.resize, message.subarray(1), false), sent);
      else sent();
    },
    ping: () => send(pingFrame(1)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.destroy(),
    terminate: () => socket.destroy(),
    listen: (given) => {
      listener = given;
      socket.on("data", guarded);
      socket.on("error", () => socket.destroy());
      socket.once("end", () => socket.destroy());
      if (socket.destroyed) given.closed();
      else socket.once("close", () => given.closed());
      socket.pause();
      if (head.length > 0) guarded(head);
    },
  };
}

function channelOf(stream: number): "error" | "stdout" | "stderr" | undefined {
  if (stream === numbers.error) return "error";
  if (stream === numbers.stdout) return "stdout";
  return stream === numbers.stderr ? "stderr" : undefined;
}

/** Bytes that are SPDY on both sides: kubectl's port-forward, which tunnels it in WebSocket messages. */
export function byteLine(socket: Duplex, head: Buffer): MessageLine {
  socket.pause();
  return {
    get isOpen() {
      return !socket.destroyed;
    },
    send: (message, sent) => {
      if (socket.writable) socket.write(message, () => sent());
      else sent();
    },
    // A tunnel holds SPDY's own pings.
    ping: () => undefined,
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => socket.destroy(),
    terminate: () => socket.destroy(),
    listen: ({ message, closed }) => {
      socket.on("data", (data: Buffer) => message(data, true));
      socket.on("error", () => socket.destroy());
      socket.once("end", () => socket.destroy());
      if (socket.destroyed) closed();
      else socket.once("close", () => closed());
      socket.pause();
      if (head.length > 0) message(head, true);
    },
  };
}
