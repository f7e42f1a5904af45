/**
 * Collects a message that arrives in pieces. Grows with what has really arrived, never with what a header promises, so
 * that a claimed length costs nothing; pieces are copied into one buffer, so one-byte chunks cost no more than one byte.
 */
export class Gather {
  #buffer = Buffer.allocUnsafe(64);
  #filled = 0;

  get filled(): number {
    return this.#filled;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#filled);
  }

  /** Copies from `chunk` at `from` until `total` bytes are held; returns how many bytes it took. */
  fill(chunk: Buffer, from: number, total: number): number {
    const taken = Math.min(total - this.#filled, chunk.length - from);
    if (taken <= 0) return 0;
    this.#room(this.#filled + taken, total);
    chunk.copy(this.#buffer, this.#filled, from, from + taken);
    this.#filled += taken;
    return taken;
  }

  /** Hands the bytes over and starts anew. */
  release(): Buffer {
    const bytes = this.bytes;
    this.#buffer = Buffer.allocUnsafe(64);
    this.#filled = 0;
    return bytes;
  }

  #room(needed: number, total: number): void {
    if (needed <= this.#buffer.length) return;
    const size = Math.min(Math.max(needed, this.#buffer.length * 2), Math.max(total, needed));
    const grown = Buffer.allocUnsafe(size);
    this.#buffer.copy(grown, 0, 0, this.#filled);
    this.#buffer = grown;
  }
}
