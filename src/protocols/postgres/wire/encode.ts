/** Builds frames of either side. Layout: Byte1 type · Int32 length (itself included, type not) · body. */
import { WireError } from "./cursor.ts";

export function frame(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 4);
  const out = Buffer.allocUnsafe(length + 1);
  out.write(type, 0, "latin1");
  out.writeInt32BE(length, 1);
  let at = 5;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** A NUL-terminated string; one that holds NUL itself would say something else to the reader. */
export function cstring(text: string): Buffer {
  if (text.includes("\0")) throw new WireError("a string in a message cannot hold NUL");
  return Buffer.from(`${text}\0`, "utf8");
}

export function int32(value: number): Buffer {
  const out = Buffer.allocUnsafe(4);
  out.writeInt32BE(value | 0);
  return out;
}

export function int16(value: number): Buffer {
  const out = Buffer.allocUnsafe(2);
  out.writeUInt16BE(value);
  return out;
}

/** StartupMessage: no type byte. */
export function startupMessage(parameters: ReadonlyMap<string, string>, minor = 0): Buffer {
  const pairs = [...parameters].flatMap(([name, value]) => [cstring(name), cstring(value)]);
  return untyped(int32((3 << 16) | minor), ...pairs, Buffer.of(0));
}

export function sslRequest(): Buffer {
  return untyped(int32(80877103));
}

export function cancelRequest(processId: number, secretKey: Uint8Array): Buffer {
  return untyped(int32(80877102), int32(processId), secretKey);
}

function untyped(...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length + 4), body]);
}

export function query(sql: string): Buffer {
  return frame("Q", cstring(sql));
}

export function parseMessage(name: string, sql: string, types: readonly number[] = []): Buffer {
  return frame("P", cstring(name), cstring(sql), int16(types.length), ...types.map(int32));
}

export interface Bind {
  readonly portal: string;
  readonly statement: string;
  readonly formats?: readonly number[];
  readonly values?: readonly (Uint8Array | null)[];
  readonly resultFormats?: readonly number[];
}

export function bind({ portal, statement, formats = [], values = [], resultFormats = [] }: Bind): Buffer {
  return frame(
    "B",
    cstring(portal),
    cstring(statement),
    int16(formats.length),
    ...formats.map(int16),
    int16(values.length),
    ...values.flatMap((value) => (value === null ? [int32(-1)] : [int32(value.length), value])),
    int16(resultFormats.length),
    ...resultFormats.map(int16),
  );
}

export function describe(what: "S" | "P", name: string): Buffer {
  return frame("D", Buffer.from(what), cstring(name));
}

export function close(what: "S" | "P", name: string): Buffer {
  return frame("C", Buffer.from(what), cstring(name));
}

export function execute(portal: string, limit = 0): Buffer {
  return frame("E", cstring(portal), int32(limit));
}

export function sync(): Buffer {
  return frame("S");
}

export function flush(): Buffer {
  return frame("H");
}

export function terminate(): Buffer {
  return frame("X");
}

export function copyFail(reason: string): Buffer {
  return frame("f", cstring(reason));
}

/** Fields by their letter: S severity, C SQLSTATE, M message, H hint, … */
export type ErrorFields = Readonly<Record<string, string>>;

export function errorResponse(fields: ErrorFields): Buffer {
  return errorFrame("E", fields);
}

export function noticeResponse(fields: ErrorFields): Buffer {
  return errorFrame("N", fields);
}

function errorFrame(type: "E" | "N", fields: ErrorFields): Buffer {
  const parts = Object.entries(fields).map(([letter, text]) =>
    Buffer.concat([Buffer.from(letter, "latin1"), cstring(text.replaceAll("\0", ""))]),
  );
  return frame(type, ...parts, Buffer.of(0));
}

export function readyForQuery(status: string): Buffer {
  return frame("Z", Buffer.from(status, "latin1"));
}

export function parameterStatus(name: string, value: string): Buffer {
  return frame("S", cstring(name), cstring(value));
}

export function backendKeyData(processId: number, secretKey: Uint8Array): Buffer {
  return frame("K", int32(processId), secretKey);
}

/** `minor` is the newest minor version that is spoken; `options` the `_pq_.*` names that are not known. */
export function negotiateProtocolVersion(minor: number, options: readonly string[]): Buffer {
  return frame("v", int32((3 << 16) | minor), int32(options.length), ...options.map(cstring));
}

/** AuthenticationRequest with its code and what follows it. */
export function authentication(code: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  return frame("R", int32(code), body);
}
