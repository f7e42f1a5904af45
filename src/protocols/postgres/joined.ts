/**
 * Joins messages that stand one behind the other in memory, so that what passes untouched leaves as one view of the chunk
 * it came in and not message by message. Order is kept; nothing is copied.
 */
export class Joined {
  readonly #write: (bytes: Uint8Array) => void;
  #memory: ArrayBufferLike | undefined;
  #start = 0;
  #end = 0;

  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  add(bytes: Uint8Array): void {
    this.#take(bytes.buffer, bytes.byteOffset, bytes.byteOffset + bytes.length);
  }

  /** The part of `bytes` from `start` to `end`, without making a view of it. */
  addPart(bytes: Uint8Array, start: number, end: number): void {
    this.#take(bytes.buffer, bytes.byteOffset + start, bytes.byteOffset + end);
  }

  flush(): void {
    const memory = this.#memory;
    if (memory === undefined) return;
    this.#memory = undefined;
    this.#write(Buffer.from(memory, this.#start, this.#end - this.#start));
  }

  #take(memory: ArrayBufferLike, start: number, end: number): void {
    if (memory === this.#memory && start === this.#end) {
      this.#end = end;
      return;
    }
    this.flush();
    this.#memory = memory;
    this.#start = start;
    this.#end = end;
  }
}
