import { IhcError } from "../../base/errors.ts";
import type { Masked } from "../../core/masking/rule.ts";
import { type BodyMask, longestObject, type Recorder } from "./lists.ts";
import type { MaskedFields } from "./masked-fields.ts";
import type { ObjectMasks } from "./masks.ts";
import { ObjectWalker } from "./objects.ts";
import { incomplete, malformed, moreBytes } from "./wire/json-reader.ts";

const nothing = Buffer.alloc(0);

/**
 * Masks a watch: events `{"type":"ADDED","object":{…}}`, one a line. An event goes out whole, as soon as it is complete; at
 * most one is held.
 */
export class WatchMask implements BodyMask {
  objects = 0;
  readonly #walker: ObjectWalker;
  readonly #recorder: Recorder | undefined;
  #pieces: Uint8Array[] = [];
  #pending = 0;
  /** Not tried again before so much is there. */
  #enough = 0;

  constructor(masks: ObjectMasks, fields: MaskedFields, recorder?: Recorder) {
    this.#walker = new ObjectWalker(masks, fields);
    this.#recorder = recorder;
  }

  push(chunk: Uint8Array): Masked<Uint8Array> {
    this.#pieces.push(chunk);
    this.#pending += chunk.length;
    const ends = chunk.includes(0x0a);
    return !ends && this.#pending < this.#enough ? sealed(nothing) : this.#read(false);
  }

  /** A watch may end at any time, but not inside of an event. */
  end(): Masked<Uint8Array> {
    return this.#read(true);
  }

  #read(last: boolean): Masked<Uint8Array> {
    const [only] = this.#pieces;
    const bytes = this.#pieces.length === 1 && only ? only : Buffer.concat(this.#pieces);
    const walker = this.#walker;
    walker.open(bytes, 0, last);
    let done = 0;
    try {
      while (moreBytes(walker.reader)) done = this.#event();
      done = bytes.length;
    } catch (error) {
      if (error !== incomplete) throw error;
      if (last) throw malformed("an event ends too early");
    }
    const out = walker.edits.apply(bytes, 0, done);
    this.#keep(bytes.subarray(done));
    return out;
  }

  #event(): number {
    const { reader, edits } = this.#walker;
    const start = reader.at;
    this.#walker.walk(false);
    this.objects++;
    if (this.#recorder?.open) this.#recorder.object(edits.copy(reader.bytes, start, reader.at));
    return reader.at;
  }

  #keep(left: Uint8Array): void {
    if (left.length > longestObject)
      throw new IhcError("too-large", "an event is larger than what can be masked", {
        rule: "object-too-large",
      });
    this.#pieces = left.length === 0 ? [] : [left];
    this.#pending = left.length;
    this.#enough = left.length > 256 * 1024 ? Math.min(left.length * 2, longestObject + 1) : 0;
  }
}

function sealed(bytes: Uint8Array): Masked<Uint8Array> {
  return bytes as Masked<Uint8Array>;
}
