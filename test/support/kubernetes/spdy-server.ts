import { Duplex } from "node:stream";
import { promisify } from "node:util";
import { createInflate, type Inflate } from "node:zlib";
import { spdyDictionary } from "./spdy-dictionary.ts";

/** A stream that the client has opened: what it says is to be read, what is written goes to it. */
export interface SpdyStream extends Duplex {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface SpdyConnection {
  /** Says goodbye, as a kubelet does when a command has ended. */
  close(): void;
}

/** The server's end of SPDY/3.1, as much as exec, attach and port-forward take. It knows no windows, as Kubernetes' does. */
export function serveSpdy(wire: Duplex, opened: (stream: SpdyStream) => void): SpdyConnection {
  const inflate = createInflate({ dictionary: spdyDictionary });
  const headersOf = headerReader(inflate);
  const streams = new Map<number, SpdyStream>();
  let pending: Buffer = Buffer.alloc(0);
  let answered = false;
  let work = Promise.resolve();

  const send = (frame: Buffer, sent: () => void = () => undefined): void => {
    if (wire.writable) wire.write(frame, () => sent());
    else sent();
  };
  const begin = async (body: Buffer): Promise<void> => {
    const id = body.readUInt32BE(0);
    const headers = await headersOf(body.subarray(10));
    send(control(2, Buffer.concat([uint32(id), headerBlock(answered)])));
    answered = true;
    const stream = new Duplex({
      read: () => undefined,
      write: (data: Buffer, _encoding, done) => send(dataFrame(id, 0, data), done),
      final: (done) => send(dataFrame(id, 1, Buffer.alloc(0)), done),
      destroy: (error, done) => {
        if (error) send(control(3, Buffer.concat([uint32(id), uint32(5)])));
        done(null);
      },
    });
    stream.on("error", () => stream.destroy());
    streams.set(id, Object.assign(stream, { headers }));
    opened(Object.assign(stream, { headers }));
  };
  const take = async (frame: Buffer): Promise<void> => {
    const body = frame.subarray(8);
    if (frame.readUInt8(0) < 128) {
      const stream = streams.get(frame.readUInt32BE(0));
      if (body.length > 0) stream?.push(body);
      if (frame.readUInt8(4) & 1) stream?.push(null);
      return;
    }
    const type = frame.readUInt16BE(2);
    if (type === 1) await begin(body);
    if (type === 3) streams.get(body.readUInt32BE(0))?.destroy();
    if (type === 6) send(frame);
  };
  wire.on("data", (bytes: Buffer) => {
    pending = Buffer.concat([pending, bytes]);
    for (let size = frameSize(pending); size <= pending.length; size = frameSize(pending)) {
      const frame = pending.subarray(0, size);
      pending = pending.subarray(size);
      work = work.then(() => take(frame)).catch(() => void wire.destroy());
    }
  });
  wire.on("error", () => wire.destroy());
  wire.on("close", () => {
    inflate.close();
    for (const stream of streams.values()) stream.destroy();
  });
  return {
    close: () => {
      send(control(7, Buffer.concat([uint32(0), uint32(0)])));
      wire.end();
    },
  };
}

function frameSize(bytes: Buffer): number {
  return bytes.length < 8 ? Number.POSITIVE_INFINITY : 8 + bytes.readUIntBE(5, 3);
}

/** Header blocks of one connection share one zlib stream. Names come in lower case. */
function headerReader(inflate: Inflate): (block: Buffer) => Promise<Readonly<Record<string, string>>> {
  let out: Buffer = Buffer.alloc(0);
  inflate.on("data", (data: Buffer) => {
    out = Buffer.concat([out, data]);
  });
  const write = promisify((block: Buffer, done: (error?: Error | null) => void) =>
    inflate.write(block, done),
  );
  return async (block) => {
    await write(block);
    await new Promise((resolve) => setImmediate(resolve));
    let at = 4;
    const next = (): string => {
      const size = out.readUInt32BE(at);
      at += 4 + size;
      return out.toString("utf8", at - size, at);
    };
    const found: Record<string, string> = {};
    for (let left = out.readUInt32BE(0); left > 0; left -= 1) {
      const name = next();
      found[name.toLowerCase()] = next();
    }
    out = out.subarray(at);
    return found;
  };
}

/**
 * No headers at all, in a stored deflate block and an empty one that flushes; the first of a connection begins the zlib stream
 * and names the dictionary.
 */
function headerBlock(begun: boolean): Buffer {
  const nothing = [0, 4, 0, 0xfb, 0xff, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
  return Buffer.from(begun ? nothing : [0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2, ...nothing]);
}

function control(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x80, 3, 0, type, 0), size(body), body]);
}

function dataFrame(id: number, flags: number, body: Buffer): Buffer {
  return Buffer.concat([uint32(id), Buffer.of(flags), size(body), body]);
}

function size(body: Buffer): Buffer {
  return uint32(body.length).subarray(1);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
