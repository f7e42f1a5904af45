import { Duplex } from "node:stream";
import { WebSocket } from "ws";
import { IhcError } from "../base/errors.ts";
import { type Control, parseControl } from "./control.ts";
import { type KeepAlive, maxPayload, type ServerTunnelEnd } from "./tunnel.ts";

/** Bytes handed to the socket and not yet taken by the kernel, above which writers wait. */
const inFlightLimit = 256 * 1024;
/** Writes of one tick are joined up to this size: copying this little is cheaper than one more frame and system call. */
const joinLimit = 32 * 1024;
const readLimit = 128 * 1024;
/** How long a peer has to answer a close before its socket is cut, milliseconds: after all was said, and when it is cut off. */
const closeGrace = 10_000;
const cutGrace = 750;

/**
 * Makes a Duplex of an open WebSocket. ws's own stream loses half-close and late replies, so this one is ours: the text
 * frame `eof` ends one direction, and the socket closes when both are over. A stalled reader pauses the socket.
 */
export function tunnelEnd(ws: WebSocket, alive: KeepAlive): ServerTunnelEnd {
  const stream = new TunnelStream(ws, alive);
  return { stream, ended: stream.ended, end: (reason) => stream.endWith(reason) };
}

class TunnelStream extends Duplex {
  readonly ended: Promise<string | undefined>;
  readonly #ws: WebSocket;
  readonly #resolveEnded: (reason: string | undefined) => void;
  readonly #heartbeat: NodeJS.Timeout;
  #reason: string | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #inFlight = 0;
  #waiting: (() => void) | undefined;
  #peerEof = false;
  #sentEof = false;
  /** The other side has said why it is over: what is written now goes nowhere. */
  #discard = false;
  #lastHeard = performance.now();

  constructor(ws: WebSocket, alive: KeepAlive) {
    super({
      allowHalfOpen: true,
      decodeStrings: true,
      readableHighWaterMark: readLimit,
      writableHighWaterMark: readLimit,
    });
    this.#ws = ws;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.ended = promise;
    this.#resolveEnded = resolve;
    ws.binaryType = "nodebuffer";
    ws.on("message", (data, isBinary) => this.#message(data, isBinary));
    ws.on("ping", () => this.#heard());
    ws.on("pong", () => this.#heard());
    ws.on("close", (code) => this.#closed(code));
    ws.on("error", (cause) => this.destroy(broken("the tunnel broke", cause)));
    this.#heartbeat = setInterval(() => this.#beat(alive.deadAfter), alive.pingEvery);
    this.#heartbeat.unref();
  }

  override _read(): void {
    if (this.#ws.isPaused) {
      this.#heard();
      this.#ws.resume();
    }
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#discard) {
      done();
      return;
    }
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pending.length === 1) process.nextTick(() => this.#flush());
    if (this.#inFlight + this.#pendingBytes < inFlightLimit) done();
    else this.#waiting = done;
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#flush();
    this.#sentEof = true;
    if (this.#discard || this.#ws.readyState !== WebSocket.OPEN) {
      done();
      return;
    }
    this.#control({ t: "eof" }, done);
    if (this.#peerEof) this.#ws.close(1000);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearInterval(this.#heartbeat);
    this.#pending = [];
    this.#hangUp(error === null ? 1000 : 1011, this.#over() ? closeGrace : cutGrace);
    this.#wake();
    this.#resolveEnded(this.#reason);
    done(error);
  }

  endWith(reason: string): void {
    if (this.destroyed) return;
    this.#reason ??= reason;
    this.#flush();
    if (this.#ws.readyState === WebSocket.OPEN) this.#control({ t: "end", reason });
    this.destroy();
  }

  #message(data: unknown, isBinary: boolean): void {
    this.#heard();
    if (this.destroyed || this.#discard || !Buffer.isBuffer(data)) return;
    if (!isBinary) this.#controlled(data);
    else if (this.#peerEof) this.destroy(broken("bytes came after the end of the stream"));
    else if (data.length > 0 && !this.push(data)) this.#ws.pause();
  }

  #controlled(data: Buffer): void {
    const control = parseControl(data);
    if (control === undefined || (this.#peerEof && control.t === "eof")) {
      this.destroy(broken("the tunnel spoke something we do not know"));
      return;
    }
    if (control.t === "end") {
      this.#reason = control.reason;
      this.#discard = true;
      this.#wake();
    }
    if (!this.#peerEof) this.push(null);
    this.#peerEof = true;
    if (control.t === "end") this.#finishReading();
    else if (this.#sentEof) this.#ws.close(1000);
  }

  /** After an `end`, what was received is still delivered; then the stream is over, written out or not. */
  #finishReading(): void {
    if (this.readableEnded) this.destroy();
    else this.once("end", () => this.destroy());
    this.#hangUp(1000, cutGrace);
    this.#resolveEnded(this.#reason);
  }

  /** Whether both directions have come to their ends. */
  #over(): boolean {
    return this.#peerEof && (this.#sentEof || this.#discard);
  }

  #closed(code: number): void {
    clearInterval(this.#heartbeat);
    this.#resolveEnded(this.#reason);
    if (!(this.#over() || this.destroyed)) this.destroy(broken(`the tunnel closed with code ${code}`));
    else this.#wake();
  }

  #flush(): void {
    if (this.#pending.length === 0 || this.destroyed) return;
    const chunks = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    for (const frame of frames(chunks)) this.#send(frame);
  }

  #send(frame: Buffer): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    this.#inFlight += frame.length;
    this.#ws.send(frame, { binary: true, compress: false }, (error) => {
      this.#inFlight -= frame.length;
      if (error) this.destroy(broken("the tunnel broke", error));
      else if (this.#inFlight < inFlightLimit) this.#wake();
    });
  }

  #control(control: Control, done?: (error?: Error) => void): void {
    this.#ws.send(JSON.stringify(control), { binary: false, compress: false }, done);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  #hangUp(code: number, grace: number): void {
    const ws = this.#ws;
    if (ws.readyState === WebSocket.CLOSED) return;
    if (ws.isPaused) ws.resume();
    ws.close(code);
    const cut = setTimeout(() => ws.terminate(), grace);
    ws.once("close", () => clearTimeout(cut));
  }

  #heard(): void {
    this.#lastHeard = performance.now();
  }

  /**
   * A side that does not read cannot answer pings, so both sides ping and everything received counts as a sign of life;
   * while we do not read ourselves we cannot judge the peer.
   */
  #beat(deadAfter: number): void {
    if (this.#ws.readyState !== WebSocket.OPEN) return;
    if (!this.#ws.isPaused && performance.now() - this.#lastHeard >= deadAfter) {
      this.destroy(broken("the other side of the tunnel went silent"));
      this.#ws.terminate();
      return;
    }
    this.#ws.ping();
  }
}

/** Joins small neighbours and cuts what is larger than a message may be; large chunks pass as they are. */
function* frames(chunks: readonly Buffer[]): Generator<Buffer> {
  let small: Buffer[] = [];
  let bytes = 0;
  for (const chunk of chunks) {
    if (small.length > 0 && bytes + chunk.length > joinLimit) {
      yield joined(small, bytes);
      small = [];
      bytes = 0;
    }
    if (chunk.length <= joinLimit) {
      small.push(chunk);
      bytes += chunk.length;
    } else for (let at = 0; at < chunk.length; at += maxPayload) yield chunk.subarray(at, at + maxPayload);
  }
  if (small.length > 0) yield joined(small, bytes);
}

function joined(chunks: readonly Buffer[], bytes: number): Buffer {
  const [first] = chunks;
  return chunks.length === 1 && first ? first : Buffer.concat(chunks, bytes);
}

function broken(message: string, cause?: Error): IhcError {
  return new IhcError("unavailable", message, cause ? { cause } : {});
}
