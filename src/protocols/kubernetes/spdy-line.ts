import type { Duplex } from "node:stream";
import type { LineListener, MessageLine } from "./message-line.ts";
import type { StreamFlags } from "./stream-flags.ts";
import { channelFrame, endFrame, protocolV5, readClientFrame } from "./wire/channels.ts";
import { dataFrame, pingFrame, type SpdyFrame, SpdyReader, synStream } from "./wire/spdy.ts";

/** Numbers of the streams, of which each channel has one that its header `streamtype` names. Odd ones are the client's. */
const numbers = { error: 1, stdin: 3, stdout: 5, stderr: 7, resize: 9 } as const;

/** An exec or attach over SPDY as if it were v5.channel.k8s.io. */
export function spdyLine(socket: Duplex, head: Buffer, flags: StreamFlags): MessageLine {
  const names = (["error", "stdin", "stdout", "stderr"] as const).filter(
    (name) => name === "error" || flags[name],
  );
  const opened = [...names, ...(flags.tty ? (["resize"] as const) : [])];
  for (const [at, name] of opened.entries())
    socket.write(synStream(numbers[name], { streamtype: name }, at === 0));
  const reader = new SpdyReader();
  return duplexLine(socket, head, {
    take: (bytes, listener) => {
      for (const frame of reader.push(bytes)) {
        // Even numbers are the server's own; it is told that they came.
        if (frame.kind === "ping" && frame.id % 2 === 0) socket.write(pingFrame(frame.id));
        else if (isEnd(frame)) socket.destroy();
        else for (const message of messagesOf(frame)) listener.message(message, true);
      }
    },
    give: (message) => {
      const frame = readClientFrame(message, protocolV5);
      if (frame.kind === "end-of-stdin") return dataFrame(numbers.stdin, Buffer.alloc(0), true);
      if (frame.kind === "stdin") return dataFrame(numbers.stdin, frame.data, false);
      return flags.tty ? dataFrame(numbers.resize, message.subarray(1), false) : undefined;
    },
    ping: () => pingFrame(1),
  });
}

/** A kubelet says how the command ended, resets what is open, and goes. */
function isEnd(frame: SpdyFrame): boolean {
  return frame.kind === "goaway" || (frame.kind === "reset" && frame.stream === numbers.error);
}

function messagesOf(frame: SpdyFrame): readonly Buffer[] {
  if (frame.kind !== "data") return [];
  const channel = (["error", "stdout", "stderr"] as const).find((name) => numbers[name] === frame.stream);
  if (channel === undefined) return [];
  return [
    ...(frame.data.length > 0 ? [channelFrame(channel, frame.data)] : []),
    ...(frame.last ? [endFrame(channel)] : []),
  ];
}

/** Bytes that are SPDY on both sides: kubectl's port-forward, which tunnels it in WebSocket messages. */
export function byteLine(socket: Duplex, head: Buffer): MessageLine {
  return duplexLine(socket, head, {
    take: (bytes, listener) => listener.message(bytes, true),
    give: (message) => message,
    // The tunnel holds SPDY's own.
    ping: () => undefined,
  });
}

interface Translation {
  /** Throws for what the peer should not have said. */
  take(bytes: Buffer, listener: LineListener): void;
  /** Undefined for what the peer has no words for. */
  give(message: Uint8Array): Uint8Array | undefined;
  ping(): Uint8Array | undefined;
}

function duplexLine(socket: Duplex, head: Buffer, { take, give, ping }: Translation): MessageLine {
  const send = (bytes: Uint8Array | undefined, sent: () => void): void => {
    if (bytes && socket.writable) socket.write(bytes, () => sent());
    else sent();
  };
  const close = (): void => void socket.destroy();
  socket.pause();
  return {
    get isOpen() {
      return !socket.destroyed;
    },
    send: (message, sent) => send(give(message), sent),
    ping: () => send(ping(), () => undefined),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close,
    terminate: close,
    listen: (listener) => {
      const taken = (bytes: Buffer): void => {
        try {
          take(bytes, listener);
        } catch {
          // Whatever it speaks, it is not what was agreed upon.
          socket.destroy();
        }
      };
      socket.on("data", taken);
      socket.on("error", close);
      socket.once("end", close);
      if (socket.destroyed) listener.closed();
      else socket.once("close", () => listener.closed());
      if (head.length > 0) taken(head);
    },
  };
}
