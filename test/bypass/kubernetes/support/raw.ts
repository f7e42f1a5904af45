import { connect, type TLSSocket } from "node:tls";
import type { KubernetesConnection } from "../../../support/kubernetes/world.ts";

/** A client that says to the byte what the test wants, over the session's own TLS. */
export interface RawClient {
  readonly socket: TLSSocket;
  send(bytes: string | Buffer): void;
  /** Everything so far. */
  text(): string;
  /** Resolves with everything once `pattern` is in it, the gateway has closed, or nothing has come for `quiet` ms. */
  until(pattern: RegExp, quiet?: number): Promise<string>;
  closed(): boolean;
  end(): void;
}

export async function rawClient({ port, ca }: KubernetesConnection): Promise<RawClient> {
  const socket = connect({ host: "127.0.0.1", port, ca, ALPNProtocols: ["http/1.1"] });
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  const pieces: Buffer[] = [];
  let closed = false;
  socket.on("data", (bytes: Buffer) => pieces.push(bytes));
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    closed = true;
  });
  const text = (): string => Buffer.concat(pieces).toString("latin1");
  return {
    socket,
    text,
    closed: () => closed,
    send: (bytes) => void socket.write(bytes),
    end: () => void socket.destroy(),
    until: async (pattern, quiet = 3000) => {
      let [seen, since] = [0, performance.now()];
      while (!closed && !pattern.test(text()) && performance.now() - since < quiet) {
        if (pieces.length > seen) [seen, since] = [pieces.length, performance.now()];
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return text();
    },
  };
}

/** One request on a connection of its own; `line` is method and target, `more` whole header lines. */
export async function rawRequest(
  connection: KubernetesConnection,
  line: string,
  more: readonly string[] = [],
  body = "",
): Promise<string> {
  const client = await rawClient(connection);
  try {
    const close = more.some((one) => /^connection:/i.test(one)) ? [] : ["Connection: close"];
    client.send(headOf(connection, line, [...more, ...close]) + body);
    return await client.until(/\r\n0\r\n\r\n$/, 1500);
  } finally {
    client.end();
  }
}

export function headOf(
  { port, token }: KubernetesConnection,
  line: string,
  more: readonly string[] = [],
): string {
  const head = [`${line} HTTP/1.1`, `Host: 127.0.0.1:${port}`];
  if (!more.some((one) => /^authorization:/i.test(one))) head.push(`Authorization: Bearer ${token}`);
  return [...head, "Accept: application/json", ...more, "", ""].join("\r\n");
}

/** The status of the first answer; 0 when the connection was closed without one. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}
