import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";

export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; throws when it is none. */
  json(): ApiObject;
}

export type ApiObject = { readonly [key: string]: ApiValue };
export type ApiValue = string | number | boolean | null | ApiObject | readonly ApiValue[];

export interface ApiCall {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: object | string;
  readonly contentType?: string;
  /** Milliseconds for the whole of it; default 20 s. */
  readonly timeout?: number;
}

/** A plain HTTPS client of one server: what it is told to send is sent, as it stands, and nothing is followed. */
export interface ApiClient {
  call(method: string, target: string, options?: ApiCall): Promise<ApiAnswer>;
  close(): void;
}

export function apiClient(port: number, ca: string, token: string): ApiClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 20, ca });
  return {
    close: () => agent.destroy(),
    call: async (method, target, { headers = {}, body, contentType, timeout = 20_000 } = {}) => {
      const payload = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = request({
          host: "127.0.0.1",
          port,
          agent,
          method,
          path: target,
          signal: AbortSignal.timeout(timeout),
          headers: {
            authorization: `Bearer ${token}`,
            accept: "application/json",
            ...(payload === undefined
              ? {}
              : {
                  "content-type": contentType ?? "application/json",
                  "content-length": String(Buffer.byteLength(payload)),
                }),
            ...headers,
          },
        });
        sent.once("response", resolve);
        sent.once("error", reject);
        sent.end(payload);
      });
      const pieces: Buffer[] = [];
      for await (const piece of answer) pieces.push(piece);
      const text = Buffer.concat(pieces).toString("utf8");
      return {
        status: answer.statusCode ?? 0,
        headers: answer.headers,
        text,
        json: () => JSON.parse(text),
      };
    },
  };
}
