import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { FrameReader } from "../src/protocols/postgres/frame-reader.ts";
import { Cursor } from "../src/protocols/postgres/wire/cursor.ts";
import { cstring, frame, int32, query, startupMessage } from "../src/protocols/postgres/wire/encode.ts";
import { ScramClient } from "../src/protocols/postgres/wire/scram.ts";

/** Where to connect and as whom. */
export interface Endpoint {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** What one request was answered with. */
export interface Answered {
  readonly bytes: number;
}

/** A client that costs little itself: it counts bytes and looks at nothing but the end of each answer. */
export interface BenchClient {
  /** Sends and resolves at ReadyForQuery. Throws when an error came instead of rows. */
  ask(request: Buffer): Promise<Answered>;
  /** The same as a loop without promises: `next` gives each request until `until` (performance.now) has come. */
  repeat(next: () => Buffer, until: number): Promise<number>;
  close(): void;
}

const patience = 30_000;

/** Connects and logs in, by SCRAM where the server asks for it. */
export async function connectClient(to: Endpoint): Promise<BenchClient> {
  const socket = connect({ port: to.port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect", { signal: AbortSignal.timeout(patience) });
  const reader = new FrameReader(socket);
  await logIn(socket, reader, to);
  reader.detach();
  return new Client(socket);
}

async function logIn(socket: Socket, reader: FrameReader, to: Endpoint): Promise<void> {
  const signal = AbortSignal.timeout(patience);
  const scram = new ScramClient(to.password);
  socket.write(startupMessage(new Map([["user", to.user], ["database", to.database]])));
  for (;;) {
    const { type, frame: message } = await reader.next(signal);
    if (type === "E") throw new Error(`login failed: ${message.toString("latin1", 5)}`);
    if (type === "Z") return;
    if (type !== "R") continue;
    const cursor = new Cursor(message, 5);
    const method = cursor.int32();
    if (method === 10) {
      const first = Buffer.from(scram.first());
      socket.write(frame("p", cstring("SCRAM-SHA-256"), int32(first.length), first));
    } else if (method === 11) {
      const final = await scram.final(cursor.take(cursor.rest).toString("utf8"));
      socket.write(frame("p", Buffer.from(final)));
    } else if (method === 12 && !scram.proves(cursor.take(cursor.rest).toString("utf8")))
      throw new Error("the server does not know the password");
  }
}

const errorType = "E".charCodeAt(0);

class Client implements BenchClient {
  readonly #socket: Socket;
  #bytes = 0;
  #done: ((answered: Answered) => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#received(chunk));
    socket.on("error", (error) => this.#fail?.(error));
    socket.on("close", () => this.#fail?.(new Error("the connection was closed")));
    socket.resume();
  }

  ask(request: Buffer): Promise<Answered> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#begin(request, resolve);
    });
  }

  repeat(next: () => Buffer, until: number): Promise<number> {
    return new Promise((resolve, reject) => {
      let count = 0;
      const again = (): void => {
        count++;
        if (performance.now() < until) this.#begin(next(), again);
        else resolve(count);
      };
      this.#fail = reject;
      this.#begin(next(), again);
    });
  }

  close(): void {
    this.#fail = undefined;
    this.#socket.end(frame("X"));
    this.#socket.destroySoon();
  }

  #begin(request: Buffer, done: (answered: Answered) => void): void {
    this.#bytes = 0;
    this.#done = done;
    this.#socket.write(request);
  }

  /** An answer ends with ReadyForQuery: Z, length 5, status. */
  #received(chunk: Buffer): void {
    if (this.#bytes === 0 && chunk[0] === errorType) {
      this.#fail?.(new Error(`the server refused: ${chunk.toString("latin1", 5, 300)}`));
      return;
    }
    this.#bytes += chunk.length;
    const end = chunk.length - 6;
    if (end < 0 || chunk[end] !== 0x5a || chunk.readUInt32BE(end + 1) !== 5) return;
    this.#done?.({ bytes: this.#bytes });
  }
}

/** One Query message. */
export function simple(sql: string): Buffer {
  return query(sql);
}
