import type { Masked } from "../../core/masking/rule.ts";
import type { CopyMask } from "./copy.ts";
import type { Output } from "./output.ts";
import type { Progress } from "./progress.ts";
import { WireError } from "./wire/cursor.ts";
import { frame } from "./wire/encode.ts";

/** Passes on what a COPY TO STDOUT sends, masked. */
export class CopyOut {
  readonly #output: Output;
  readonly #progress: Pick<Progress, "copied">;
  #mask: CopyMask | undefined;

  constructor(output: Output, progress: Pick<Progress, "copied">) {
    this.#output = output;
    this.#progress = progress;
  }

  begin(mask: CopyMask): void {
    this.#mask = mask;
  }

  /** A CopyData frame that lies in `bytes` from `start` to `end`. */
  data(bytes: Buffer, start: number, end: number): void {
    if (!this.#mask) throw new WireError("the server sent COPY data that nothing asked for");
    const data = bytes.subarray(start + 5, end);
    const masked = this.#mask.push(data);
    if (Object.is(masked, data)) {
      this.#output.pass(bytes, start, end);
      this.#progress.copied(masked);
    } else this.#emit(masked);
  }

  /** Sends what was held back. */
  end(): void {
    if (this.#mask) this.#emit(this.#mask.end());
    this.drop();
  }

  drop(): void {
    this.#mask = undefined;
  }

  #emit(masked: Masked<Uint8Array>): void {
    if (masked.length === 0) return;
    this.#output.emit(frame("d", masked));
    this.#progress.copied(masked);
  }
}
