import type { Masked } from "../../core/masking/rule.ts";
import { type BodyMask, DocumentMask, type Recorder } from "./lists.ts";
import { MaskedFields } from "./masked-fields.ts";
import type { ObjectMasks } from "./masks.ts";

const nothing: Uint8Array = Buffer.alloc(0);

/** How an item begins in a list of the built-in types; inside of a string the quotes would be escaped. */
const itemBegin = Buffer.from('{"metadata":{');

/**
 * Passes an answer on in which nothing can need masking (`ObjectMasks.inert`) without looking at it: the very chunks. What
 * is recorded of it is read beside, until the recording is full.
 */
export class UntouchedBody implements BodyMask {
  #beside: DocumentMask | undefined;
  readonly #recorder: Recorder | undefined;
  #counted = 0;
  #read = 0;
  #tail = nothing;

  constructor(masks: ObjectMasks, recorder?: Recorder) {
    this.#recorder = recorder;
    this.#beside = new DocumentMask(masks, new MaskedFields(masks.plan), recorder);
  }

  get objects(): number {
    return Math.max(this.#counted, this.#read);
  }

  push(chunk: Uint8Array): Masked<Uint8Array> {
    if (this.#beside) {
      this.#beside.push(chunk);
      this.#read = this.#beside.objects;
      if (!this.#recorder?.open) this.#beside = undefined;
    }
    this.#count(chunk);
    return chunk as Masked<Uint8Array>;
  }

  end(): Masked<Uint8Array> {
    this.#beside?.end();
    if (this.#beside) this.#read = this.#beside.objects;
    return nothing as Masked<Uint8Array>;
  }

  #count(chunk: Uint8Array): void {
    const border = itemBegin.length - 1;
    const seam = Buffer.concat([this.#tail, chunk.subarray(0, border)]);
    if (seam.includes(itemBegin)) this.#counted++;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    for (let at = bytes.indexOf(itemBegin); at >= 0; at = bytes.indexOf(itemBegin, at + border))
      this.#counted++;
    this.#tail = chunk.length < border ? seam.subarray(-border) : Buffer.from(bytes.subarray(-border));
  }
}

/** Passes on what is no data at all, such as an OpenAPI document. */
export class NoData implements BodyMask {
  readonly objects = 0;

  push(chunk: Uint8Array): Masked<Uint8Array> {
    return chunk as Masked<Uint8Array>;
  }

  end(): Masked<Uint8Array> {
    return nothing as Masked<Uint8Array>;
  }
}
