import type { RawData, WebSocket } from "ws";

/** One end of a stream of messages: a WebSocket, or what is spoken to clusters whose WebSockets are too old. */
export interface MessageLine {
  readonly isOpen: boolean;
  /** `sent` is called when the message has left, or never will. */
  send(message: Uint8Array, sent: () => void): void;
  ping(data: Buffer): void;
  pause(): void;
  resume(): void;
  /** Says goodbye, and does not wait long for an answer. */
  close(): void;
  terminate(): void;
  listen(listener: LineListener): void;
}

export interface LineListener {
  message(message: Buffer, binary: boolean): void;
  ping(data: Buffer): void;
  /** Once, whatever ended it. */
  closed(): void;
}

/** How long a peer may take to close after it was told to, milliseconds. */
const parting = 300;

export function webSocketLine(socket: WebSocket): MessageLine {
  return {
    get isOpen() {
      return socket.readyState === socket.OPEN;
    },
    send: (message, sent) => {
      if (socket.readyState === socket.OPEN) socket.send(message, { binary: true }, () => sent());
      else sent();
    },
    ping: (data) => {
      if (socket.readyState === socket.OPEN) socket.ping(data);
    },
    pause: () => {
      if (socket.readyState !== socket.CLOSED) socket.pause();
    },
    resume: () => {
      if (socket.readyState !== socket.CLOSED) socket.resume();
    },
    close: () => {
      if (socket.readyState === socket.CLOSED) return;
      socket.close(1000);
      const timer = setTimeout(() => socket.terminate(), parting);
      socket.once("close", () => clearTimeout(timer));
    },
    terminate: () => socket.terminate(),
    listen: ({ message, ping, closed }) => {
      socket.on("message", (data, binary) => message(bytesOf(data), binary));
      socket.on("ping", ping);
      // What goes wrong on a socket closes it; the close is what counts.
      socket.on("error", () => socket.terminate());
      if (socket.readyState === socket.CLOSED) closed();
      else socket.once("close", () => closed());
    },
  };
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? Buffer.from(data) : data;
}
