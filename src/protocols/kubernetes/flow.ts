import type { WebSocket } from "ws";

/** Above the first a source waits, below the second it goes on, bytes. */
const high = 1024 * 1024;
const low = 256 * 1024;

/** Stops reading from a socket while anybody who takes its data is behind. */
export class Brake {
  readonly #source: WebSocket;
  readonly #holders = new Set<string>();

  constructor(source: WebSocket) {
    this.#source = source;
  }

  hold(who: string): void {
    this.#holders.add(who);
    if (this.#source.readyState !== this.#source.CLOSED) this.#source.pause();
  }

  release(who: string): void {
    this.#holders.delete(who);
    if (this.#holders.size === 0 && this.#source.readyState !== this.#source.CLOSED) this.#source.resume();
  }
}

/** Sends to a socket; while it takes data more slowly than it comes, the source is braked. */
export function sender(socket: WebSocket, source: Brake): (message: Uint8Array) => void {
  let pending = 0;
  return (message) => {
    if (socket.readyState !== socket.OPEN) return;
    pending += message.length;
    if (pending > high) source.hold("receiver");
    socket.send(message, { binary: true }, () => {
      pending -= message.length;
      if (pending < low) source.release("receiver");
    });
  };
}

/** Calls `recorded` from time to time, and brakes the source until the recording has room again. */
export function pacer(source: Brake, recorded: () => Promise<void>): (bytes: number) => void {
  let since = 0;
  return (bytes) => {
    since += bytes;
    if (since < low) return;
    since = 0;
    source.hold("recording");
    void recorded().then(() => source.release("recording"));
  };
}
