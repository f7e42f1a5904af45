/**
 * What goes to the client, in order. Bytes that pass unchanged and stand one after the other in the server's chunk leave
 * as one view of it; messages of the gateway's own wait for the end of a frame that leaves in pieces.
 */
export class Output {
  readonly #write: (bytes: Uint8Array) => void;
  #run: { readonly bytes: Buffer; readonly start: number; end: number } | undefined;
  readonly #waiting: Uint8Array[] = [];
  #inPieces = false;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  /** Whether the client can be told something now. */
  get betweenFrames(): boolean {
    return !this.#inPieces;
  }

  /** Bytes as they came. */
  pass(bytes: Buffer, start: number, end: number): void {
    const run = this.#run;
    if (run?.bytes === bytes && run.end === start) run.end = end;
    else {
      this.flush();
      this.#run = { bytes, start, end };
    }
  }

  emit(bytes: Uint8Array): void {
    this.flush();
    this.#write(bytes);
  }

  piece(bytes: Buffer, last: boolean): void {
    this.emit(bytes);
    this.#inPieces = !last;
    if (last) for (const message of this.#waiting.splice(0)) this.#write(message);
  }

  /** A message of the gateway's own, between two frames. */
  interject(message: Uint8Array): void {
    if (this.#inPieces) this.#waiting.push(message);
    else this.emit(message);
  }

  /** Call at the end of each chunk. */
  flush(): void {
    const run = this.#run;
    this.#run = undefined;
    if (run) this.#write(run.bytes.subarray(run.start, run.end));
  }
}
