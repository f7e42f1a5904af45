const least = 1024;
const most = 64 * 1024;

/**
 * Memory for messages that are made one after the other: they lie side by side, so that they leave and are recorded as one
 * piece. Nothing is ever written twice, so views of it may be kept. One per connection; it grows with what is asked of it.
 */
export class Arena {
  #block = Buffer.alloc(0);
  #used = 0;
  #size = least;

  take(size: number): Buffer {
    if (size > this.#block.length - this.#used) {
      this.#block = Buffer.allocUnsafeSlow(Math.max(size, this.#size));
      this.#size = Math.min(most, this.#size * 2);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += size;
    return this.#block.subarray(start, this.#used);
  }
}
