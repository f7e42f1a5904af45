/**
 * The startup phase of a client, before messages have a type byte:
 *
 *   Int32 length (itself included) · Int32 code · for StartupMessage: (String name · String value)* · Byte 0
 *   code 80877103 SSLRequest · 80877104 GSSENCRequest · 80877102 CancelRequest (Int32 pid · secret key, 4 to 256 bytes)
 *   code 3.0 = 196608, 3.2 = 196610
 *
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
import { Cursor, WireError } from "./cursor.ts";
import { Gather } from "./gather.ts";

export type StartupPacket =
  | { readonly kind: "ssl" }
  | { readonly kind: "gss" }
  | { readonly kind: "cancel"; readonly processId: number; readonly secretKey: Buffer }
  | {
      readonly kind: "startup";
      readonly major: number;
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
    };

/** As PostgreSQL's MAX_STARTUP_PACKET_LENGTH. */
const longest = 10_000;

/** Decodes one packet at a time, because what follows may be TLS or a message with a type byte. */
export class StartupDecoder {
  readonly #gather = new Gather();

  /** The packet once it is whole, with the bytes that came after it. Throws WireError before anything is allocated. */
  push(chunk: Buffer): { readonly packet: StartupPacket; readonly rest: Buffer } | undefined {
    let at = this.#gather.fill(chunk, 0, 4);
    const first = this.#gather.bytes[0];
    if (first === 0x16)
      throw new WireError("TLS is not offered here; the tunnel already protects the connection");
    if (this.#gather.filled < 4) return undefined;
    const length = this.#gather.bytes.readInt32BE(0);
    if (length < 8 || length > longest) throw new WireError("invalid length of startup packet");
    at += this.#gather.fill(chunk, at, length);
    if (this.#gather.filled < length) return undefined;
    return { packet: parse(this.#gather.release().subarray(4)), rest: chunk.subarray(at) };
  }
}

function parse(body: Buffer): StartupPacket {
  const cursor = new Cursor(body);
  const code = cursor.uint32();
  if (code === 80877103 || code === 80877104) {
    cursor.end();
    return { kind: code === 80877103 ? "ssl" : "gss" };
  }
  if (code === 80877102) return parseCancel(cursor);
  const major = code >>> 16;
  if (major !== 3) throw new WireError(`unsupported frontend protocol ${major}.${code & 0xffff}`, "0A000");
  return { kind: "startup", major, minor: code & 0xffff, parameters: parseParameters(cursor) };
}

function parseCancel(cursor: Cursor): StartupPacket {
  const processId = cursor.int32();
  if (cursor.rest < 4 || cursor.rest > 256) throw new WireError("invalid length of cancel key");
  return { kind: "cancel", processId, secretKey: Buffer.from(cursor.take(cursor.rest)) };
}

function parseParameters(cursor: Cursor): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (let name = cursor.text(); name !== ""; name = cursor.text()) {
    if (parameters.has(name)) throw new WireError("startup parameter given twice");
    parameters.set(name, cursor.text());
  }
  cursor.end();
  return parameters;
}
