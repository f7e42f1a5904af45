import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { Duplex } from "node:stream";
import type { DialOptions } from "./dial.ts";

/** How long the API server and the kubelet behind it may take to begin a stream, milliseconds. */
const beginning = 30_000;

export type SpdyDialled =
  | { readonly kind: "open"; readonly socket: Duplex; readonly head: Buffer }
  | { readonly kind: "refused"; readonly response: IncomingMessage };

/** Asks for SPDY/3.1 with the given stream protocol. Rejects when the server cannot be reached or `signal` aborts. */
export function dialSpdy(
  server: string,
  target: string,
  protocol: string,
  { signal, headers, ...options }: DialOptions & { readonly signal: AbortSignal },
): Promise<SpdyDialled> {
  const { hostname, port } = new URL(server);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...options,
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 443 : Number(port),
      method: "POST",
      path: target,
      // A connection of its own: it belongs to the stream from now on.
      agent: false,
      headers: {
        ...headers,
        connection: "Upgrade",
        upgrade: "SPDY/3.1",
        "x-stream-protocol-version": protocol,
        "content-length": 0,
      },
      signal,
    });
    const timer = setTimeout(() => outgoing.destroy(new Error("no answer")), beginning);
    outgoing.once("close", () => clearTimeout(timer));
    outgoing.once("error", reject);
    outgoing.once("response", (response) => resolve({ kind: "refused", response }));
    outgoing.once("upgrade", (response, socket, head) => {
      clearTimeout(timer);
      const agreed = response.headers.upgrade?.toLowerCase() === "spdy/3.1";
      const cut = (): void => void socket.destroy();
      signal.addEventListener("abort", cut, { once: true });
      socket.once("close", () => signal.removeEventListener("abort", cut));
      socket.on("error", cut);
      if (agreed && !signal.aborted) return resolve({ kind: "open", socket, head });
      socket.destroy();
      reject(new Error("another protocol than SPDY/3.1"));
    });
    outgoing.end();
  });
}
