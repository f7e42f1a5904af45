import type { Duplex } from "node:stream";
import { IhcError } from "../../base/errors.ts";
import { Inbox } from "./inbox.ts";
import { BackendWalker, type FrameSink } from "./wire/backend.ts";
import { WireError } from "./wire/cursor.ts";

export interface WholeFrame {
  readonly type: string;
  readonly frame: Buffer;
}

/** Longest frame of a conversation of the gateway's own. */
const longest = 64 * 1024 * 1024;

/** Reads a server's frames one by one, for login and the gateway's own questions; serving walks them instead. */
export class FrameReader implements FrameSink {
  readonly #inbox: Inbox;
  readonly #walker = new BackendWalker();
  readonly #frames: WholeFrame[] = [];

  constructor(stream: Duplex) {
    this.#inbox = new Inbox(stream);
  }

  /** The next frame. Throws IhcError `unavailable` when the server is gone or `signal` aborts first. */
  async next(signal: AbortSignal): Promise<WholeFrame> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) return frame;
      const chunk = await this.#inbox.next(signal);
      if (chunk === undefined)
        throw new IhcError(
          "unavailable",
          signal.aborted ? "the database did not answer in time" : "the database closed the connection",
        );
      this.#walker.push(chunk, this);
    }
  }

  /** Ends reading; what came after the last frame that was asked for. */
  detach(): readonly Buffer[] {
    if (!this.#walker.between) throw new WireError("a message of the server is still on its way");
    return [...this.#frames.splice(0).map(({ frame }) => frame), ...this.#inbox.detach()];
  }

  frame(type: number, bytes: Buffer, start: number, end: number): void {
    this.#frames.push({ type: String.fromCharCode(type), frame: bytes.subarray(start, end) });
  }

  wants(_type: number, length: number): "whole" {
    if (length > longest) throw new WireError("the server sent too long a message");
    return "whole";
  }

  piece(): void {
    throw new WireError("frames are read whole here");
  }
}
