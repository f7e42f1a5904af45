import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { FrameReader } from "../../../src/protocols/postgres/frame-reader.ts";
import * as encode from "../../../src/protocols/postgres/wire/encode.ts";
import { ScramClient } from "../../../src/protocols/postgres/wire/scram.ts";

export interface Stalled {
  readonly socket: Socket;
  /** Resolves when the socket has closed, in whatever way. */
  readonly closed: Promise<unknown>;
}

/** A client that logs in by SCRAM, bytes in hand, sends one query and never reads again until its socket is resumed. */
export async function startStalled(
  { port, secret }: { readonly port: number; readonly secret: string },
  sql: string,
): Promise<Stalled> {
  const socket = await logInRaw(port, secret);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => socket.destroy());
  socket.write(encode.query(sql));
  return { socket, closed };
}

/** A raw socket that has logged in and is paused. */
export async function logInRaw(port: number, secret: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.setNoDelay(true);
  const parameters = new Map([
    ["user", "ihc"],
    ["database", "app"],
  ]);
  const scram = new ScramClient(secret, undefined);
  socket.write(encode.startupMessage(parameters));
  const reader = new FrameReader(socket);
  const deadline = AbortSignal.timeout(20_000);
  const next = async (type: string): Promise<Buffer> => {
    for (;;) {
      const found = await reader.next(deadline);
      if (found.type === type) return found.frame;
      if (found.type === "E") throw new Error(found.frame.toString("utf8"));
    }
  };
  await next("R");
  const first = Buffer.from(scram.first());
  socket.write(encode.frame("p", encode.cstring("SCRAM-SHA-256"), encode.int32(first.length), first));
  const serverFirst = (await next("R")).subarray(9).toString("utf8");
  socket.write(encode.frame("p", Buffer.from(await scram.final(serverFirst))));
  await next("Z");
  reader.detach();
  socket.pause();
  return socket;
}
