import type { MessageLine } from "./message-line.ts";

/** Above the first a source waits, below the second it goes on, bytes. */
const high = 1024 * 1024;
const low = 256 * 1024;

/** Stops reading while anybody who takes its data is behind. */
export class Brake {
  readonly #source: MessageLine;
  readonly #holders = new Set<string>();

  constructor(source: MessageLine) {
    this.#source = source;
  }

  hold(who: string): void {
    this.#holders.add(who);
    this.#source.pause();
  }

  release(who: string): void {
    this.#holders.delete(who);
    if (this.#holders.size === 0) this.#source.resume();
  }
}

/** Sends; while the receiver takes data more slowly than it comes, the source is braked. */
export function sender(receiver: MessageLine, source: Brake): (message: Uint8Array) => void {
  let pending = 0;
  return (message) => {
    if (!receiver.isOpen) return;
    pending += message.length;
    if (pending > high) source.hold("receiver");
    receiver.send(message, () => {
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
