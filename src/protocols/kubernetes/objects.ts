/**
 * Masks API objects in place: one pass over the bytes, in which nothing is decoded but what a rule looks at. What a member
 * means may be told behind it (`{"data":…,"kind":"Secret"}`), so values are held, as positions, until their object ends.
 */
import { IhcError } from "../../base/errors.ts";
import { Edits } from "./edits.ts";
import { finishObject } from "./finish.ts";
import { Frame } from "./frame.ts";
import { type MaskedFields, pathOf } from "./masked-fields.ts";
import type { ObjectMasks } from "./masks.ts";
import { type Key, keyAt, keyOf } from "./object-keys.ts";
import { detected, isPair, mayBeDocument, scrubbedMessage } from "./texts.ts";
import { incomplete, JsonReader, malformed, moreBytes, slice } from "./wire/json-reader.ts";

/** The API server itself reads no deeper than 10,000; no schema comes near this. */
const deepest = 500;
/** JSON inside of strings inside of JSON … */
const deepestText = 3;

const quote = 0x22;
const brace = 0x7b;
const bracket = 0x5b;

export class ObjectWalker {
  readonly masks: ObjectMasks;
  readonly edits = new Edits();
  /** What objects without a kind are: certainly Secrets, or perhaps. Refined by the list they stand in. */
  secrets: boolean;
  untold: boolean;
  readonly #masked: MaskedFields;
  readonly reader = new JsonReader();
  readonly #level: number;
  readonly #frames: Frame[] = [];
  #depth = 0;
  /** Where the detectors suspect something next. */
  #suspect = 0;

  constructor(masks: ObjectMasks, masked: MaskedFields, level = 0) {
    this.masks = masks;
    this.secrets = masks.secrets;
    this.untold = masks.untold;
    this.#masked = masked;
    this.#level = level;
  }

  /** Looks at other bytes from now on. */
  open(bytes: Uint8Array, at: number, last: boolean): void {
    this.reader.open(bytes, at, bytes.length, last);
    this.seek(at);
  }

  /** Goes on elsewhere in the same bytes. */
  seek(at: number): void {
    const { reader } = this;
    reader.at = at;
    this.#suspect = this.masks.plan.suspectAt(reader.bytes, at, reader.to);
  }

  /**
   * Walks one value at the reader's place; `item`: it is an API object whatever it says. Throws `incomplete` when the value
   * does not end here, IhcError `invalid` on what is no JSON.
   */
  walk(item: boolean): void {
    const { edits, reader } = this;
    const { count } = edits;
    const start = reader.at;
    const suspect = this.#suspect;
    this.#depth = 0;
    try {
      this.#value(undefined, item);
      while (this.#depth > 0) this.#step();
    } catch (error) {
      edits.rewind(count);
      reader.at = start;
      this.#suspect = suspect;
      throw error;
    }
  }

  /**
   * Masks the members from the reader's place to `to`, which belong to a list: nothing but its items may hold data. What
   * the list says of its kind counts for the items behind it.
   */
  walkMembers(to: number): void {
    const { reader } = this;
    const { to: end } = reader;
    reader.to = to;
    reader.last = true;
    this.#depth = 0;
    const frame = this.#push(reader.at, false, undefined, true);
    frame.kinds.push("Secret");
    while (moreBytes(reader)) {
      if (reader.bytes[reader.at] === 0x2c) reader.at++;
      else {
        this.#member(frame);
        while (this.#depth > 1) this.#step();
      }
    }
    const [, ...kinds] = frame.kinds;
    this.#close(frame);
    if (kinds.includes("SecretList")) this.secrets = true;
    if (kinds.length === 0 || kinds.includes("List")) this.untold = true;
    reader.to = end;
    reader.last = false;
  }

  /** Replaces the token from `start` to `end` and notes the field. */
  replace(start: number, end: number, text: string, field: string): void {
    this.edits.add(start, end, text);
    this.#masked.note(field);
  }

  /** Where in the object the walk is. */
  path(): string {
    return pathOf(this.#frames, this.#depth, this.reader.bytes);
  }

  #step(): void {
    const frame = this.#frames[this.#depth - 1];
    if (!frame) throw new IhcError("internal", "a walk has lost its place");
    const { reader } = this;
    let byte = reader.peek();
    if (byte === (frame.array ? 0x5d : 0x7d)) {
      reader.at++;
      this.#close(frame);
      return;
    }
    if (frame.begun) {
      if (byte !== 0x2c) throw malformed("a comma is missing");
      reader.at++;
      byte = reader.peek();
    }
    if (!frame.array) this.#member(frame);
    else {
      frame.begun = true;
      if (!reader.plain(this.#suspect)) this.#value(undefined, frame.key === "rows" || frame.key === "items");
    }
  }

  #member(frame: Frame): void {
    const { reader } = this;
    if (reader.peek() !== quote) throw malformed("a name is missing");
    const start = reader.at;
    reader.string();
    const end = reader.at;
    const { bytes } = reader;
    frame.begun = true;
    frame.keyStart = start;
    frame.keyEnd = end;
    frame.key = reader.escaped ? keyOf(reader.text(start, end)) : keyAt(bytes, start + 1, end - 1);
    frame.keySuspect = this.#suspect < end || reader.unicode;
    if (frame.keySuspect) this.#detect(start, end, reader.escaped);
    if (reader.peek() !== 0x3a) throw malformed("a colon is missing");
    reader.at++;
    if (frame.key === undefined && !frame.keySuspect && reader.plain(this.#suspect)) return;
    this.#value(frame.key, frame.key === "object", frame);
  }

  /** Begins an object or array, reads anything else. `parent` is the object whose member it is. */
  #value(key: Key | undefined, item: boolean, parent?: Frame): void {
    const { reader } = this;
    const byte = reader.peek();
    const start = reader.at;
    if (byte === brace || byte === bracket) {
      if (key === "managedFields" && this.#isOwnership() && this.#skipped()) return;
      reader.at++;
      this.#push(start, byte === bracket, key, item);
    } else if (byte === quote) {
      reader.string();
      this.#string(start, reader.at, key, parent);
      if (key !== undefined && parent) this.#notice(parent, key, start, reader.at);
    } else {
      reader.scalar();
      if (this.#suspect < reader.at) this.#number(start, reader.at);
      if (key !== undefined && parent) this.#hold(parent, key, start, reader.at);
    }
  }

  /** Whether this is `metadata.managedFields` of the object itself, whose names and shape the API server has made. */
  #isOwnership(): boolean {
    const [root] = this.#frames;
    return this.#level === 0 && this.#depth === 2 && root?.key === "metadata" && root.item;
  }

  /** Reads over a value, unless the detectors suspect something in it. */
  #skipped(): boolean {
    const { reader } = this;
    const start = reader.at;
    reader.anyUnicode = false;
    reader.skip();
    if (this.#suspect >= reader.at && !reader.anyUnicode) return true;
    reader.at = start;
    return false;
  }

  #push(start: number, array: boolean, key: Key | undefined, item: boolean): Frame {
    if (this.#depth >= deepest) throw malformed(`it is nested deeper than ${deepest} levels`);
    const frame = this.#frames[this.#depth] ?? new Frame();
    this.#frames[this.#depth] = frame;
    frame.reset(start, array, key, item);
    this.#depth++;
    return frame;
  }

  #close(frame: Frame): void {
    const end = this.reader.at;
    this.#depth--;
    if (!frame.array && (frame.held.length > 0 || frame.item || frame.kinds.length > 0))
      finishObject(this, frame, end);
    const parent = this.#frames[this.#depth - 1];
    if (this.#depth > 0 && parent && !parent.array && parent.key !== undefined)
      this.#hold(parent, parent.key, frame.start, end);
  }

  /** A string member with a name that counts. */
  #notice(frame: Frame, key: Key, start: number, end: number): void {
    if (key === "kind") frame.kinds.push(this.reader.text(start, end));
    else if (key === "name") {
      if (frame.nameEnd > 0) frame.held.push({ key, start: frame.nameStart, end: frame.nameEnd });
      frame.nameStart = start;
      frame.nameEnd = end;
    } else if (key === "message") this.#message(start, end);
    else this.#hold(frame, key, start, end);
  }

  #hold(frame: Frame, key: Key, start: number, end: number): void {
    switch (key) {
      case "data":
      case "stringData":
      case "binaryData":
      case "value":
      case "env":
      case "items":
      case "cells":
        frame.held.push({ key, start, end });
        break;
      default:
    }
  }

  #string(start: number, end: number, key: Key | undefined, parent: Frame | undefined): void {
    const { reader } = this;
    const { escaped } = reader;
    if (key === "applied" || (end - start > 4 && mayBeDocument(reader.bytes, start, end)))
      this.#document(start, end, key === "applied");
    else if (this.#suspect < end || reader.unicode) this.#detect(start, end, escaped);
    if (parent?.keySuspect && isPair(this.masks.plan, reader.bytes, parent, start, end))
      this.replace(start, end, JSON.stringify(this.masks.plan.value("redact", "")), this.path());
  }

  /** A string that may be a JSON document, as annotations and ConfigMaps hold them. */
  #document(start: number, end: number, applied: boolean): void {
    const text = this.reader.text(start, end);
    const masked = this.#level < deepestText ? this.#inner(text, applied) : undefined;
    if (masked === undefined) {
      if (applied || this.#level >= deepestText)
        this.replace(start, end, JSON.stringify(this.masks.plan.value("redact", text)), this.path());
      else this.#detect(start, end, true);
    } else if (masked !== text) this.replace(start, end, JSON.stringify(masked), this.path());
    this.#past(end);
  }

  /** The document masked, or several one after the other; undefined when it is none. */
  #inner(text: string, item: boolean): string | undefined {
    const bytes = Buffer.from(text);
    const inner = new ObjectWalker({ ...this.masks, untold: true }, this.#masked, this.#level + 1);
    try {
      inner.open(bytes, 0, true);
      while (moreBytes(inner.reader)) inner.walk(item);
    } catch (error) {
      if (error === incomplete || (error instanceof IhcError && error.code === "invalid")) return undefined;
      throw error;
    }
    if (inner.edits.count === 0) return text;
    const masked: Uint8Array = inner.edits.apply(bytes, 0, bytes.length);
    return slice(masked, 0, masked.length).toString("utf8");
  }

  #message(start: number, end: number): void {
    const scrubbed = scrubbedMessage(this.masks.plan, this.reader.text(start, end));
    if (scrubbed !== undefined) this.replace(start, end, scrubbed, this.path());
  }

  /** Runs the detectors over a string, or over a name. */
  #detect(start: number, end: number, escaped: boolean): void {
    const masked = detected(this.masks.plan, this.reader.bytes, start, end, escaped);
    if (masked !== undefined) this.replace(start, end, masked, this.path());
    this.#past(end);
  }

  #number(start: number, end: number): void {
    if (this.masks.plan.replaced(this.reader.bytes, start, end)) this.replace(start, end, "0", this.path());
    this.#past(end);
  }

  #past(from: number): void {
    const { bytes, to } = this.reader;
    if (this.#suspect < from) this.#suspect = this.masks.plan.suspectAt(bytes, from, to);
  }
}
