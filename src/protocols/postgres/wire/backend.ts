/**
 * What a server sends:
 *
 *   Byte1 type · Int32 length (itself included, type not) · body
 *   T RowDescription: Int16 n · n × (String name · Int32 table · Int16 attribute · Int32 type · Int16 size · Int32 modifier · Int16 format)
 *   D DataRow: Int16 n · n × (Int32 length or -1 · bytes)
 *   E, N ErrorResponse, NoticeResponse: (Byte1 field · String)* · Byte 0
 *
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
import { Cursor, WireError } from "./cursor.ts";
import { Gather } from "./gather.ts";

export interface FrameSink {
  /** A whole frame lies in `bytes` from `start` (type byte) to `end`. The bytes are the socket's own, not a copy. */
  frame(type: number, bytes: Buffer, start: number, end: number): void;
  /** Asked for a frame that is not whole in its chunk: gather it, or take it in pieces as it comes. May throw to refuse. */
  wants(type: number, length: number): "whole" | "pieces";
  /** A piece of a frame taken in pieces, header first. */
  piece(type: number, bytes: Buffer, last: boolean): void;
}

/** Walks a server's bytes frame by frame without copying. One per connection. Throws WireError on nonsense. */
export class BackendWalker {
  readonly #gather = new Gather();
  #piecesLeft = 0;
  #pieceType = 0;

  push(chunk: Buffer, sink: FrameSink): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#piecesLeft > 0) at = this.#passOn(chunk, at, sink);
      else if (this.#gather.filled > 0 || chunk.length - at < 5) at = this.#collect(chunk, at, sink);
      else {
        const end = at + frameLength(chunk, at);
        if (end > chunk.length) at = this.#collect(chunk, at, sink);
        else {
          sink.frame(chunk.readUInt8(at), chunk, at, end);
          at = end;
        }
      }
    }
  }

  /** Whether the last push ended between two frames. */
  get between(): boolean {
    return this.#piecesLeft === 0 && this.#gather.filled === 0;
  }

  /** Whether a frame is being passed on in pieces: nothing else may be written to the client now. */
  get inPieces(): boolean {
    return this.#piecesLeft > 0;
  }

  #passOn(chunk: Buffer, at: number, sink: FrameSink): number {
    const end = Math.min(chunk.length, at + this.#piecesLeft);
    this.#piecesLeft -= end - at;
    sink.piece(this.#pieceType, chunk.subarray(at, end), this.#piecesLeft === 0);
    return end;
  }

  #collect(chunk: Buffer, from: number, sink: FrameSink): number {
    const fresh = this.#gather.filled < 5;
    let at = from + this.#gather.fill(chunk, from, 5);
    if (this.#gather.filled < 5) return at;
    const total = frameLength(this.#gather.bytes, 0);
    const type = this.#gather.bytes.readUInt8(0);
    if (fresh && chunk.length - at < total - 5 && sink.wants(type, total) === "pieces") {
      this.#piecesLeft = total - 5;
      this.#pieceType = type;
      sink.piece(type, this.#gather.release(), false);
      return at;
    }
    at += this.#gather.fill(chunk, at, total);
    if (this.#gather.filled === total) {
      const whole = this.#gather.release();
      sink.frame(type, whole, 0, whole.length);
    }
    return at;
  }
}

function frameLength(bytes: Buffer, at: number): number {
  const length = bytes.readInt32BE(at + 1);
  if (length < 4) throw new WireError("the server sent a message of invalid length");
  return length + 1;
}

export interface Field {
  readonly name: string;
  readonly tableOid: number;
  readonly attribute: number;
  readonly typeOid: number;
  readonly typeSize: number;
  readonly typeModifier: number;
  /** 0 text, 1 binary. Always 0 in the description of a statement, where the client has not chosen yet. */
  readonly format: number;
}

/** Reads the frame of a RowDescription, header included. */
export function parseRowDescription(frame: Buffer): readonly Field[] {
  const cursor = new Cursor(frame, 5);
  const count = cursor.uint16();
  const fields: Field[] = [];
  for (let i = 0; i < count; i++)
    fields.push({
      name: cursor.text(),
      tableOid: cursor.uint32(),
      attribute: cursor.int16(),
      typeOid: cursor.uint32(),
      typeSize: cursor.int16(),
      typeModifier: cursor.int32(),
      format: cursor.int16(),
    });
  cursor.end();
  return fields;
}

/** Reads the frame of an ErrorResponse or NoticeResponse: field letter → text. */
export function parseErrorFields(frame: Buffer): ReadonlyMap<string, string> {
  const cursor = new Cursor(frame, 5);
  const fields = new Map<string, string>();
  for (let code = cursor.byte(); code !== 0; code = cursor.byte())
    fields.set(String.fromCharCode(code), cursor.text());
  return fields;
}

/** Reads the values of a DataRow's frame as text; for the gateway's own queries only. */
export function parseTextRow(frame: Buffer): readonly (string | null)[] {
  const cursor = new Cursor(frame, 5);
  const count = cursor.uint16();
  const values: (string | null)[] = [];
  for (let i = 0; i < count; i++) {
    const length = cursor.int32();
    values.push(length === -1 ? null : cursor.take(length).toString("utf8"));
  }
  return values;
}

/** The tag of a CommandComplete frame, such as `UPDATE 3`. */
export function parseTag(frame: Buffer): string {
  return new Cursor(frame, 5).text();
}

/** The count at the end of a command tag; 0 where it has none. */
export function tagCount(tag: string): number {
  return Number(/ (\d+)$/.exec(tag)?.[1] ?? 0);
}

export function parseParameterStatus(frame: Buffer): { readonly name: string; readonly value: string } {
  const cursor = new Cursor(frame, 5);
  return { name: cursor.text(), value: cursor.text() };
}
