import { connect, type Socket } from "node:net";
import { BackendWalker } from "../../../src/protocols/postgres/wire/backend.ts";
import * as encode from "../../../src/protocols/postgres/wire/encode.ts";
import type { PostgresServer } from "../../support/postgres.ts";

export interface RawFrame {
  readonly type: string;
  readonly bytes: Buffer;
}

/** A connection to a server that trusts us, frame by frame. */
export interface RawConnection {
  /** Sends, and resolves with what came up to and with ReadyForQuery. */
  exchange(...messages: readonly Buffer[]): Promise<readonly RawFrame[]>;
  /** A simple query. */
  query(sql: string): Promise<readonly RawFrame[]>;
  /** A statement by the extended protocol with all results in one format. */
  rows(sql: string, format: 0 | 1): Promise<readonly RawFrame[]>;
  close(): void;
}

export async function openRaw(server: PostgresServer, database = "postgres"): Promise<RawConnection> {
  const socket = connect(server.port, server.host);
  const frames = reader(socket);
  const exchange = (...messages: readonly Buffer[]): Promise<readonly RawFrame[]> => {
    socket.write(Buffer.concat(messages));
    return frames();
  };
  await exchange(
    encode.startupMessage(
      new Map([
        ["user", server.user],
        ["database", database],
      ]),
    ),
  );
  return {
    exchange,
    query: (sql) => exchange(encode.query(sql)),
    rows: (sql, format) =>
      exchange(
        encode.parseMessage("", sql),
        encode.bind({ portal: "", statement: "", resultFormats: [format] }),
        encode.describe("P", ""),
        encode.execute(""),
        encode.sync(),
      ),
    close: () => socket.destroy(),
  };
}

function reader(socket: Socket): () => Promise<readonly RawFrame[]> {
  const walker = new BackendWalker();
  let frames: RawFrame[] = [];
  let done: ((frames: readonly RawFrame[]) => void) | undefined;
  let failed: ((error: Error) => void) | undefined;
  socket.on("data", (chunk: Buffer) =>
    walker.push(chunk, {
      wants: () => "whole",
      piece: () => undefined,
      frame: (type, bytes, start, end) => {
        frames.push({ type: String.fromCharCode(type), bytes: Buffer.from(bytes.subarray(start, end)) });
        if (frames.at(-1)?.type !== "Z") return;
        done?.(frames);
        frames = [];
      },
    }),
  );
  socket.on("error", (error) => failed?.(error));
  socket.on("close", () => failed?.(new Error("the server closed the connection")));
  return () =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no answer in 20 s")), 20_000);
      done = (all) => {
        clearTimeout(timer);
        resolve(all);
      };
      failed = (error) => {
        clearTimeout(timer);
        reject(error);
      };
    });
}
