import { connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { createInflate, type Inflate } from "node:zlib";
import type { WebSocket } from "ws";
import { spdyDictionary } from "./spdy-dictionary.ts";

/**
 * The far end of kubectl's port-forward since 1.31: SPDY/3.1 in the bytes of WebSocket messages. For each connection kubectl
 * opens an error stream and a data stream. As much of SPDY as that takes.
 */
export function serveTunnel(socket: WebSocket): void {
  const inflate = createInflate({ dictionary: spdyDictionary });
  const headers = headerReader(inflate);
  const streams = new Map<number, Socket>();
  let pending: Buffer = Buffer.alloc(0);
  let answered = false;
  let work = Promise.resolve();

  const send = (frame: Buffer): void => {
    if (socket.readyState === socket.OPEN) socket.send(frame);
  };
  const opened = async (body: Buffer): Promise<void> => {
    const id = body.readUInt32BE(0);
    const { streamtype, port } = await headers(body.subarray(10));
    send(control(2, 0, Buffer.concat([uint32(id), headerBlock(answered)])));
    answered = true;
    if (streamtype !== "data") return;
    const connection = connect(Number(port), "127.0.0.1");
    streams.set(id, connection);
    connection.on("data", (data: Buffer) => send(dataFrame(id, 0, data)));
    connection.on("end", () => send(dataFrame(id, 1, Buffer.alloc(0))));
    connection.on("error", () => send(control(3, 0, Buffer.concat([uint32(id), uint32(5)]))));
    connection.on("close", () => streams.delete(id));
  };
  const take = async (frame: Buffer): Promise<void> => {
    const body = frame.subarray(8);
    if (frame.readUInt8(0) < 128) {
      const stream = streams.get(frame.readUInt32BE(0));
      if (body.length > 0) stream?.write(body);
      if (frame.readUInt8(4) & 1) stream?.end();
      return;
    }
    const type = frame.readUInt16BE(2);
    if (type === 1) await opened(body);
    if (type === 3) streams.get(body.readUInt32BE(0))?.destroy();
    if (type === 6) send(frame);
  };
  socket.on("message", (raw: Buffer) => {
    pending = Buffer.concat([pending, raw]);
    for (let size = frameSize(pending); size <= pending.length; size = frameSize(pending)) {
      const frame = pending.subarray(0, size);
      pending = pending.subarray(size);
      work = work.then(() => take(frame)).catch(() => socket.terminate());
    }
  });
  socket.on("close", () => {
    inflate.close();
    for (const stream of streams.values()) stream.destroy();
  });
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

function control(type: number, flags: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x80, 3, 0, type, flags), size(body), body]);
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
