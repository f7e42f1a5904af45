/**
 * What a client sends after login:
 *
 *   Byte1 type · Int32 length (itself included, type not) · body
 *
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
import { Cursor, WireError } from "./cursor.ts";
import { Gather } from "./gather.ts";

export type FrontendMessage =
  | { readonly type: "query"; readonly sql: string; readonly frame: Buffer }
  | {
      readonly type: "parse";
      readonly name: string;
      readonly sql: string;
      readonly types: readonly number[];
      readonly frame: Buffer;
    }
  | BindMessage
  | NameMessage<"describe">
  | NameMessage<"close">
  | { readonly type: "execute"; readonly portal: string; readonly limit: number; readonly frame: Buffer }
  | { readonly type: "sync" | "flush" | "terminate" | "copy-done" | "copy-fail"; readonly frame: Buffer }
  /** A piece of a CopyData frame, header included; pieces follow each other without gap. */
  | { readonly type: "copy-data"; readonly frame: Buffer }
  /** Framed rightly but not readable: refused in step. `alone`: the server answers it with ReadyForQuery. */
  | { readonly type: "malformed"; readonly alone: boolean; readonly error: WireError; readonly frame: Buffer }
  /** Understood well enough to be refused in step. */
  | { readonly type: "function-call"; readonly frame: Buffer };

/** `what`: S a statement, P a portal. */
export interface NameMessage<Type extends string> {
  readonly type: Type;
  readonly what: "S" | "P";
  readonly name: string;
  readonly frame: Buffer;
}

export interface BindMessage {
  readonly type: "bind";
  readonly portal: string;
  readonly statement: string;
  readonly formats: readonly number[];
  readonly values: readonly (Buffer | null)[];
  readonly resultFormats: readonly number[];
  readonly frame: Buffer;
}

const KiB = 1024;
const MiB = 1024 * KiB;

/** The longest body by type; whatever is not listed is refused. A query of 4 MiB is beyond what a person can review. */
const limits: ReadonlyMap<number, number> = new Map(
  Object.entries({
    Q: 4 * MiB,
    P: 4 * MiB,
    B: 64 * MiB,
    D: 64 * KiB,
    E: 64 * KiB,
    C: 64 * KiB,
    F: 64 * KiB,
    H: 4,
    S: 4,
    X: 4,
    c: 4,
    f: 64 * KiB,
    d: 1024 * MiB,
  }).map(([type, limit]) => [type.charCodeAt(0), limit]),
);

const copyData = "d".charCodeAt(0);

/** Cuts a client's bytes into messages. One per connection. Throws WireError; after that it must not be used. */
export class FrontendDecoder {
  readonly #gather = new Gather();
  /** Bytes of a CopyData frame that are still to come. */
  #copyLeft = 0;

  /** Every message that is whole after this chunk; frames in one chunk are views of it, not copies. */
  *push(chunk: Buffer): Generator<FrontendMessage, void, undefined> {
    let at = 0;
    while (at < chunk.length) {
      const { message, end } = this.#next(chunk, at);
      at = end;
      if (message) yield message;
    }
  }

  /** The next message or piece that ends in the chunk, or takes what there is of one that does not. */
  #next(chunk: Buffer, at: number): { readonly message?: FrontendMessage; readonly end: number } {
    if (this.#copyLeft > 0) return this.#copyPiece(chunk, at);
    if (this.#gather.filled > 0 || chunk.length - at < 5) return this.#collect(chunk, at);
    const end = at + frameLength(chunk, at);
    if (chunk.readUInt8(at) === copyData) {
      this.#copyLeft = end - at;
      return this.#copyPiece(chunk, at);
    }
    return end <= chunk.length ? { message: parse(chunk.subarray(at, end)), end } : this.#collect(chunk, at);
  }

  #copyPiece(chunk: Buffer, at: number): { readonly message: FrontendMessage; readonly end: number } {
    const end = Math.min(chunk.length, at + this.#copyLeft);
    this.#copyLeft -= end - at;
    return { message: { type: "copy-data", frame: chunk.subarray(at, end) }, end };
  }

  #collect(chunk: Buffer, from: number): { readonly message?: FrontendMessage; readonly end: number } {
    let end = from + this.#gather.fill(chunk, from, 5);
    if (this.#gather.filled < 5) return { end };
    const total = frameLength(this.#gather.bytes, 0);
    if (this.#gather.bytes.readUInt8(0) === copyData) {
      this.#copyLeft = total - 5;
      return { message: { type: "copy-data", frame: this.#gather.release() }, end };
    }
    end += this.#gather.fill(chunk, end, total);
    return this.#gather.filled < total ? { end } : { message: parse(this.#gather.release()), end };
  }
}

function frameLength(bytes: Buffer, at: number): number {
  const type = bytes.readUInt8(at);
  const limit = limits.get(type);
  if (limit === undefined) throw new WireError(`invalid frontend message type ${type}`);
  const length = bytes.readInt32BE(at + 1);
  if (length < 4) throw new WireError("invalid message length");
  if (length > limit) throw new WireError("message is longer than ihc accepts", "54000");
  return length + 1;
}

function parse(frame: Buffer): FrontendMessage {
  const type = String.fromCharCode(frame.readUInt8(0));
  try {
    const cursor = new Cursor(frame, 5);
    const message = parseBody(type, cursor, frame);
    if (message.type !== "function-call" && message.type !== "copy-fail") cursor.end();
    return message;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { type: "malformed", alone: type === "Q", error, frame };
  }
}

function parseBody(type: string, cursor: Cursor, frame: Buffer): FrontendMessage {
  switch (type) {
    case "Q":
      return { type: "query", sql: cursor.text(), frame };
    case "P":
      return {
        type: "parse",
        name: nameOf(cursor),
        sql: cursor.text(),
        types: list(cursor, () => cursor.uint32()),
        frame,
      };
    case "B":
      return parseBind(cursor, frame);
    case "D":
      return { type: "describe", what: kindOf(cursor), name: nameOf(cursor), frame };
    case "C":
      return { type: "close", what: kindOf(cursor), name: nameOf(cursor), frame };
    case "E":
      return { type: "execute", portal: nameOf(cursor), limit: cursor.int32(), frame };
    case "S":
      return { type: "sync", frame };
    case "H":
      return { type: "flush", frame };
    case "X":
      return { type: "terminate", frame };
    case "c":
      return { type: "copy-done", frame };
    case "f":
      return { type: "copy-fail", frame };
    default:
      return { type: "function-call", frame };
  }
}

function parseBind(cursor: Cursor, frame: Buffer): BindMessage {
  const portal = nameOf(cursor);
  const statement = nameOf(cursor);
  const formats = list(cursor, () => format(cursor));
  const values = list(cursor, () => {
    const length = cursor.int32();
    return length === -1 ? null : cursor.take(length);
  });
  if (formats.length > 1 && formats.length !== values.length)
    throw new WireError("bind message has a wrong number of parameter formats");
  return {
    type: "bind",
    portal,
    statement,
    formats,
    values,
    resultFormats: list(cursor, () => format(cursor)),
    frame,
  };
}

function format(cursor: Cursor): number {
  const value = cursor.int16();
  if (value !== 0 && value !== 1) throw new WireError("unsupported format code", "22023");
  return value;
}

/** Checks that the body can hold the list before it makes it. */
function list<T>(cursor: Cursor, read: () => T): T[] {
  const count = cursor.uint16();
  if (count * 2 > cursor.rest) throw new WireError("insufficient data left in message");
  return Array.from({ length: count }, read);
}

/** The server tells names apart by their first 63 bytes only, so a longer one could stand for two things. */
function nameOf(cursor: Cursor): string {
  const from = cursor.at;
  const name = cursor.text();
  if (cursor.at - from > 64) throw new WireError("name is longer than 63 bytes", "42622");
  return name;
}

function kindOf(cursor: Cursor): "S" | "P" {
  const kind = String.fromCharCode(cursor.byte());
  if (kind !== "S" && kind !== "P") throw new WireError("invalid message subtype");
  return kind;
}
