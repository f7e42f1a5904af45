/**
 * Masks the JSON documents of the API server as they stream by: `{"kind":"PodList",…,"items":[{…},{…}]}` and tables, whose
 * array is called `rows`. What is held is one item at a time, or a document that is no list, at most `longestObject` bytes;
 * the rest has gone on. A document that ends too early, or is none, is an error: nothing more of it is let out.
 */
import { IhcError } from "../../base/errors.ts";
import type { Masked } from "../../core/masking/rule.ts";
import type { MaskedFields } from "./masked-fields.ts";
import type { ObjectMasks } from "./masks.ts";
import { ObjectWalker } from "./objects.ts";
import { incomplete, malformed, moreBytes, textOf } from "./wire/json-reader.ts";

/** etcd takes 1.5 MiB by default; JSON with escapes takes more. */
export const longestObject = 16 * 1024 * 1024;

/** Lists come in pieces of a TLS record; an item that is cut is read twice, so some are read together. */
const usualBatch = 64 * 1024;

/** Takes what is recorded of an answer. */
export interface Recorder {
  /** Whether it takes anything more. */
  readonly open: boolean;
  object(object: Masked<Uint8Array>): void;
  text(text: Masked<Uint8Array>): void;
}

/** Masks a body that comes in pieces cut anywhere. Both throw IhcError `invalid` or `too-large`: the rest must not go on. */
export interface BodyMask {
  push(chunk: Uint8Array): Masked<Uint8Array>;
  end(): Masked<Uint8Array>;
  /** Objects so far: items of a list, events of a watch. */
  readonly objects: number;
}

/** What the reader stands before. */
type Place = "document" | "member" | "element" | "nothing";

const nothing = Buffer.alloc(0);

export class DocumentMask implements BodyMask {
  objects = 0;
  readonly #walker: ObjectWalker;
  readonly #recorder: Recorder | undefined;
  #place: Place = "document";
  #pieces: Uint8Array[] = [];
  #pending = 0;
  /** Not tried again before so much is there: a large object would be read anew with every piece. */
  #enough: number;
  readonly #batch: number;
  /** Where the members begin that are held back, from the start of what is pending. */
  #members = 0;
  /** How far of them has been seen. */
  #seen = 0;
  /** Whether a member or an element stands before the place. */
  #begun = false;
  #isList = false;

  constructor(masks: ObjectMasks, fields: MaskedFields, recorder?: Recorder, batch = usualBatch) {
    this.#enough = this.#batch = batch;
    this.#walker = new ObjectWalker(masks, fields);
    this.#recorder = recorder;
  }

  push(chunk: Uint8Array): Masked<Uint8Array> {
    this.#pieces.push(chunk);
    this.#pending += chunk.length;
    return this.#pending < this.#enough ? sealed(nothing) : this.#read(false);
  }

  end(): Masked<Uint8Array> {
    const out = this.#read(true);
    if (this.#place !== "nothing") throw malformed("it ends too early");
    return out;
  }

  #read(last: boolean): Masked<Uint8Array> {
    const [only] = this.#pieces;
    const bytes = this.#pieces.length === 1 && only ? only : Buffer.concat(this.#pieces);
    const walker = this.#walker;
    walker.open(bytes, this.#seen, last);
    let done = 0;
    try {
      while (moreBytes(walker.reader)) done = this.#advance(done);
      if (this.#place === "nothing" || this.#place === "element") done = this.#seen = walker.reader.at;
    } catch (error) {
      if (error !== incomplete) throw error;
      if (last) throw malformed("it ends too early");
    }
    const out = walker.edits.apply(bytes, 0, done);
    this.#keep(bytes, done);
    return out;
  }

  #keep(bytes: Uint8Array, done: number): void {
    const left = bytes.length - done;
    if (left > longestObject)
      throw new IhcError("too-large", "an object is larger than what can be masked", {
        rule: "object-too-large",
        hint: `objects up to ${longestObject / 1024 / 1024} MiB are masked`,
      });
    this.#pieces = left === 0 ? [] : [bytes.subarray(done)];
    this.#pending = left;
    this.#enough = Math.max(Math.min(left * 2, longestObject + 1), this.#batch);
    this.#seen = Math.max(0, this.#seen - done);
    this.#members = Math.max(0, this.#members - done);
  }

  /** Goes one step on; returns up to where the bytes are decided. */
  #advance(done: number): number {
    switch (this.#place) {
      case "document":
        return this.#document(done);
      case "member":
        return this.#member(done);
      case "element":
        return this.#element();
      case "nothing":
        throw malformed("something follows it");
    }
  }

  #document(done: number): number {
    const { reader } = this.#walker;
    if (reader.peek() !== 0x7b) {
      this.#whole();
      return reader.at;
    }
    this.#members = reader.at;
    reader.at++;
    this.#seen = reader.at;
    this.#place = "member";
    return done;
  }

  /** Looks at members until one is the array that makes a list, or all are there. */
  #member(done: number): number {
    const walker = this.#walker;
    const { reader } = walker;
    let byte = reader.peek();
    if (byte === 0x7d) {
      reader.at++;
      this.#ending();
      return reader.at;
    }
    if (this.#begun) {
      if (byte !== 0x2c) throw malformed("a comma is missing");
      reader.at++;
      byte = reader.peek();
    }
    if (byte !== 0x22) throw malformed("a name is missing");
    const start = reader.at;
    reader.string();
    const key = textOf(reader.bytes, start, reader.at).toLowerCase();
    if (reader.peek() !== 0x3a) throw malformed("a colon is missing");
    reader.at++;
    if (reader.peek() === 0x5b && (key === "items" || key === "rows")) return this.#list(start);
    reader.skip();
    this.#begun = true;
    this.#seen = reader.at;
    return done;
  }

  /** The reader is before the bracket; all before the array's name, at `name`, is decided. */
  #list(name: number): number {
    const walker = this.#walker;
    const { reader } = walker;
    const after = reader.at + 1;
    this.#outer(name);
    reader.at = after;
    this.#isList = true;
    this.#begun = false;
    this.#seen = after;
    this.#place = "element";
    return after;
  }

  /** Masks the list's own members up to `to`. */
  #outer(to: number): void {
    this.#walker.seek(this.#isList ? this.#members : this.#members + 1);
    this.#walker.walkMembers(to);
  }

  #ending(): void {
    const walker = this.#walker;
    const { reader } = walker;
    const { at } = reader;
    if (this.#isList) {
      this.#outer(at - 1);
      reader.at = at;
    } else {
      walker.seek(this.#members);
      this.#whole();
    }
    this.#place = "nothing";
    this.#seen = at;
  }

  #whole(): void {
    const walker = this.#walker;
    const start = walker.reader.at;
    walker.walk(true);
    this.#counted(start);
    this.#place = "nothing";
    this.#seen = walker.reader.at;
  }

  #element(): number {
    const walker = this.#walker;
    const { reader } = walker;
    let byte = reader.peek();
    if (byte === 0x5d) {
      reader.at++;
      this.#place = "member";
      this.#members = this.#seen = reader.at;
      this.#begun = true;
      return reader.at;
    }
    if (this.#begun) {
      if (byte !== 0x2c) throw malformed("a comma is missing");
      // Not passed on alone: it is read again with what follows.
      const comma = reader.at;
      reader.at++;
      byte = reader.peek();
      this.#walkElement(comma);
    } else this.#walkElement(reader.at);
    this.#begun = true;
    this.#seen = reader.at;
    return reader.at;
  }

  #walkElement(back: number): void {
    const walker = this.#walker;
    const start = walker.reader.at;
    try {
      walker.walk(true);
    } catch (error) {
      walker.reader.at = back;
      throw error;
    }
    this.#counted(start);
  }

  #counted(start: number): void {
    this.objects++;
    if (!this.#recorder?.open) return;
    const { reader, edits } = this.#walker;
    this.#recorder.object(edits.copy(reader.bytes, start, reader.at));
  }
}

function sealed(bytes: Uint8Array): Masked<Uint8Array> {
  return bytes as Masked<Uint8Array>;
}
