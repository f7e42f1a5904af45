import { Joined } from "./joined.ts";

/** What goes to the client, in order. Messages of the gateway's own wait for the end of a frame that leaves in pieces. */
export class Output {
  readonly #joined: Joined;
  readonly #waiting: Uint8Array[] = [];
  #inPieces = false;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#joined = new Joined(write);
  }

  /** Whether the client can be told something now. */
  get betweenFrames(): boolean {
    return !this.#inPieces;
  }

  /** Bytes as they came, from `start` to `end`. */
  pass(bytes: Buffer, start: number, end: number): void {
    this.#joined.addPart(bytes, start, end);
  }

  /** A whole message; it leaves at the next `flush` at the latest. */
  emit(bytes: Uint8Array): void {
    this.#joined.add(bytes);
  }

  piece(bytes: Buffer, last: boolean): void {
    this.emit(bytes);
    this.#inPieces = !last;
    if (last) for (const message of this.#waiting.splice(0)) this.emit(message);
  }

  /** A message of the gateway's own, between two frames. */
  interject(message: Uint8Array): void {
    if (this.#inPieces) this.#waiting.push(message);
    else {
      this.emit(message);
      this.flush();
    }
  }

  /** Call at the end of each chunk. */
  flush(): void {
    this.#joined.flush();
  }
}
