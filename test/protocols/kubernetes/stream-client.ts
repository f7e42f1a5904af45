import type { IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { JournalEvent } from "../../../src/core/journal/event.ts";
import type { K8sGateway } from "../../support/k8s-gateway.ts";

/** A client of an exec, attach or port-forward through the gateway, as kubectl is one. */
export interface StreamClient {
  readonly socket: WebSocket;
  /** What came on a channel so far, as text. */
  on(channel: number): string;
  /** Messages in order. */
  readonly messages: readonly Buffer[];
  /** Resolves when the stream is over. */
  readonly closed: Promise<{ readonly code: number }>;
}

export const execPath = (query: string, pod = "web"): string =>
  `/api/v1/namespaces/prod-app/pods/${pod}/exec?${query}`;

/** Resolves when the gateway has switched protocols; rejects with what it answered instead. */
export async function openStream(
  gateway: K8sGateway,
  target: string,
  protocols: readonly string[] = ["v5.channel.k8s.io"],
  headers: Readonly<Record<string, string>> = {},
): Promise<StreamClient> {
  // ws takes no slash in a name; the gateway's answer is checked below.
  const odd = protocols.find((name) => name.includes("/"));
  const socket = new WebSocket(`wss://127.0.0.1:${gateway.port}${target}`, odd ? [] : [...protocols], {
    finishRequest: (request) => {
      if (odd) request.setHeader("Sec-WebSocket-Protocol", odd);
      request.prependListener("upgrade", (response: IncomingMessage) => {
        if (odd && response.headers["sec-websocket-protocol"] === odd)
          delete response.headers["sec-websocket-protocol"];
      });
      request.end();
    },
    ca: gateway.ca,
    headers: { authorization: `Bearer ${gateway.token}`, ...headers },
    perMessageDeflate: false,
  });
  const messages: Buffer[] = [];
  socket.on("message", (data: Buffer) => messages.push(data));
  const closed = new Promise<{ code: number }>((resolve) =>
    socket.once("close", (code) => resolve({ code })),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
    socket.once("unexpected-response", (_request, response) => {
      let text = "";
      response.on("data", (data: Buffer) => {
        text += data.toString("utf8");
      });
      response.on("end", () => reject(new Refused(response.statusCode ?? 0, text)));
    });
  });
  const on = (channel: number): string =>
    Buffer.concat(
      messages.filter((message) => message[0] === channel).map((message) => message.subarray(1)),
    ).toString("utf8");
  return { socket, on, messages, closed };
}

/** What the gateway answered instead of switching protocols. */
export class Refused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`${status} ${body}`);
    this.status = status;
    this.body = body;
  }
}

/** Waits until it is true, 5 s at most. */
export async function until(true_: () => boolean, what: string): Promise<void> {
  for (const end = performance.now() + 5000; performance.now() < end; await sleep(5)) if (true_()) return;
  throw new Error(`never: ${what}`);
}

/** What was recorded of a stream. */
export function recorded(gateway: K8sGateway, stream: "out" | "err" | "in"): string {
  const pieces = gateway.events.flatMap((event) =>
    event.type === "output" && event.stream === stream ? [Buffer.from(event.data)] : [],
  );
  return Buffer.concat(pieces).toString("utf8");
}

export function eventsOf<T extends JournalEvent["type"]>(
  gateway: K8sGateway,
  type: T,
): readonly Extract<JournalEvent, { type: T }>[] {
  return gateway.events.filter((event): event is Extract<JournalEvent, { type: T }> => event.type === type);
}

export const frame = (channel: number, data: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.of(channel), Buffer.from(data)]);

export const success = JSON.stringify({ metadata: {}, status: "Success" });

export const failure = (code: number): string =>
  JSON.stringify({
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  });
