import { IhcError } from "../../../base/errors.ts";

/**
 * As much of SPDY/3.1 as a client of the kubelet needs, for clusters whose WebSockets are too old. Numbers are big endian.
 *
 *   data     0 stream id (31)             flags (8)  length (24)  data            flag 1: the sender's last frame
 *   control  1 version = 3 (15) type (16) flags (8)  length (24)  …
 *     SYN_STREAM 1: stream id, associated id, priority and slot (16), header block    PING 6: id    RST_STREAM 3    GOAWAY 7
 *
 * Header blocks of a connection are one zlib stream with a dictionary; ours are written as stored blocks, which need none.
 * https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
 */
export type SpdyFrame =
  | { readonly kind: "data"; readonly stream: number; readonly data: Uint8Array; readonly last: boolean }
  | { readonly kind: "ping"; readonly id: number }
  | { readonly kind: "reset"; readonly stream: number }
  | { readonly kind: "goaway" }
  /** Replies, settings, windows: nothing that a client of the kubelet acts upon. */
  | { readonly kind: "other" };

const version = 3;
const largest = 1024 * 1024;

/** Opens a stream. `first` is the connection's first: it begins the zlib stream. */
export function synStream(stream: number, headers: Readonly<Record<string, string>>, first: boolean): Buffer {
  const pairs = Object.entries(headers);
  const block = Buffer.concat([
    uint32(pairs.length),
    ...pairs.flat().flatMap((text) => [uint32(text.length), Buffer.from(text)]),
  ]);
  const stored = Buffer.alloc(5);
  stored.writeUInt16LE(block.length, 1);
  stored.writeUInt16LE(0xffff - block.length, 3);
  return control(
    1,
    Buffer.concat([uint32(stream), uint32(0), Buffer.of(0, 0), first ? zlibHead : none, stored, block]),
  );
}

export function dataFrame(stream: number, data: Uint8Array, last: boolean): Buffer {
  return Buffer.concat([uint32(stream), Buffer.of(last ? 1 : 0), uint32(data.length).subarray(1), data]);
}

export function pingFrame(id: number): Buffer {
  return control(6, uint32(id));
}

/** Takes bytes as they come and gives whole frames. Throws IhcError `invalid` for what is not SPDY/3.1. */
export class SpdyReader {
  #held: Buffer = none;

  push(bytes: Uint8Array): readonly SpdyFrame[] {
    this.#held = Buffer.concat([this.#held, bytes]);
    const frames: SpdyFrame[] = [];
    for (let size = this.#next(); size !== undefined; size = this.#next()) {
      frames.push(frameOf(this.#held.subarray(0, size)));
      this.#held = this.#held.subarray(size);
    }
    return frames;
  }

  /** The size of the frame that stands at the beginning; undefined while it is not whole. */
  #next(): number | undefined {
    if (this.#held.length < headSize) return undefined;
    const length = this.#held.readUIntBE(5, 3);
    if (length > largest) throw malformed();
    return this.#held.length < headSize + length ? undefined : headSize + length;
  }
}

const headSize = 8;

function frameOf(frame: Buffer): SpdyFrame {
  const body = frame.subarray(headSize);
  const [begin = 0] = frame;
  if (begin < 0x80)
    return { kind: "data", stream: frame.readUInt32BE(0), data: body, last: ((frame[4] ?? 0) & 1) === 1 };
  if ((frame.readUInt16BE(0) & 0x7fff) !== version) throw malformed();
  switch (frame.readUInt16BE(2)) {
    case 1:
      // A kubelet opens no streams.
      throw malformed();
    case 3:
      if (body.length !== 8) throw malformed();
      return { kind: "reset", stream: body.readUInt32BE(0) & 0x7fffffff };
    case 6:
      if (body.length !== 4) throw malformed();
      return { kind: "ping", id: body.readUInt32BE(0) };
    case 7:
      return { kind: "goaway" };
    default:
      return { kind: "other" };
  }
}

function control(type: number, body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0x80, version, 0, type, 0), uint32(body.length).subarray(1), body]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function malformed(): IhcError {
  return new IhcError("invalid", "the cluster does not speak SPDY/3.1", { rule: "malformed-spdy" });
}

const none = Buffer.alloc(0);
/** Deflate with a dictionary, and the checksum of SPDY's. */
const zlibHead = Buffer.of(0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2);
