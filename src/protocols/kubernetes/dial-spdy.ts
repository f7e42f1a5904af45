import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Duplex } from "node:stream";
import { type Reach, unreachable } from "./api-server.ts";
import type { Dialling } from "./dial-websocket.ts";

/** How long the API server and the kubelet behind it may take to begin a stream, milliseconds. */
const beginning = 30_000;

export type DialledSpdy =
  /** `head` is what the server has said already. */
  | { readonly kind: "open"; readonly socket: Duplex; readonly head: Buffer }
  | { readonly kind: "refused"; readonly response: IncomingMessage };

/** Asks for SPDY/3.1 with the given stream protocol. Throws IhcError `unavailable`; ends with `signal`. */
export function dialSpdy(
  { authorization, ...reach }: Reach,
  protocol: string,
  { target, headers, signal }: Dialling,
): Promise<DialledSpdy> {
  const { promise, resolve, reject } = Promise.withResolvers<DialledSpdy>();
  const outgoing = request({
    ...reach,
    method: "POST",
    path: target,
    // A connection of its own: it belongs to the stream from now on.
    agent: false,
    headers: {
      ...headers,
      ...authorization,
      connection: "Upgrade",
      upgrade: "SPDY/3.1",
      "x-stream-protocol-version": protocol,
      "content-length": 0,
    },
    signal,
  });
  const timer = setTimeout(() => outgoing.destroy(new Error("no answer")), beginning);
  outgoing.once("close", () => clearTimeout(timer));
  outgoing.on("error", (cause) => reject(unreachable(cause, signal)));
  outgoing.once("response", (response) => resolve({ kind: "refused", response }));
  outgoing.once("upgrade", ({ headers: agreed }, socket, head) => {
    const cut = (): void => void socket.destroy();
    signal.addEventListener("abort", cut, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", cut));
    socket.on("error", cut);
    if (agreed.upgrade?.toLowerCase() === "spdy/3.1" && !signal.aborted)
      return resolve({ kind: "open", socket, head });
    socket.destroy();
    reject(unreachable(new Error("another protocol than SPDY/3.1"), signal));
  });
  outgoing.end();
  return promise;
}
