import type { MaskPlan } from "../../core/masking/plan.ts";
import type { Masked } from "../../core/masking/rule.ts";
import { maskStream, type StreamMask } from "../../core/masking/stream.ts";
import type { BodyMask, Recorder } from "./lists.ts";

/** Masks text such as a container's log by detectors, across the borders of pieces. A line goes out when it is complete. */
export class TextMask implements BodyMask {
  readonly objects = 0;
  readonly #stream: StreamMask;
  readonly #recorder: Recorder | undefined;

  constructor(plan: MaskPlan, recorder?: Recorder) {
    this.#stream = maskStream(plan);
    this.#recorder = recorder;
  }

  push(chunk: Uint8Array): Masked<Uint8Array> {
    return this.#recorded(this.#stream.push(chunk));
  }

  end(): Masked<Uint8Array> {
    return this.#recorded(this.#stream.end());
  }

  #recorded(text: Masked<Uint8Array>): Masked<Uint8Array> {
    if (text.length > 0 && this.#recorder?.open) this.#recorder.text(text);
    return text;
  }
}
