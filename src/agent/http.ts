import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { IhcError } from "../base/errors.ts";
import { visible } from "../base/text.ts";
import { trust } from "./trust.ts";

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is; the caller names its content type. */
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds without a byte from the gateway. */
  readonly timeout?: number;
  /** Largest answer taken, bytes. */
  readonly limit?: number;
  /** Is given the body of a 200 as it comes, without a limit; the answer's own body stays empty then. */
  readonly each?: ((chunk: Buffer) => void) | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** Sends requests to one gateway over kept connections. Follows no redirect and always verifies TLS. */
export interface Http {
  /** Throws IhcError `unavailable` when the gateway cannot be reached, `too-large`, and `canceled` when aborted. */
  send(request: HttpRequest): Promise<HttpResponse>;
  close(): void;
}

const mebibyte = 1024 * 1024;

/** `ca` is the PEM of a private certificate authority that is trusted besides the system's. */
export function http(ca?: string): Http {
  const plain = new HttpAgent({ keepAlive: true });
  const secure = new HttpsAgent({ keepAlive: true, ...trust(ca) });
  return {
    send: (request) => send(request, plain, secure),
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };
}

function send(request: HttpRequest, plain: HttpAgent, secure: HttpsAgent): Promise<HttpResponse> {
  const { method, url, headers, body, signal, timeout = 30_000 } = request;
  const options = {
    method,
    headers: { accept: "application/json", ...headers },
    timeout,
    ...(signal ? { signal } : {}),
  };
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(failure(cause, url));
    const answered = (response: IncomingMessage): void => {
      const each = response.statusCode === 200 ? request.each : undefined;
      collect(response, request.limit ?? 16 * mebibyte, each).then(resolve, fail);
    };
    const sent =
      url.protocol === "https:"
        ? requestHttps(url, { ...options, agent: secure }, answered)
        : requestHttp(url, { ...options, agent: plain }, answered);
    sent.on("timeout", () => sent.destroy(new IhcError("unavailable", "the gateway does not answer")));
    sent.on("error", fail);
    sent.end(body);
  });
}

async function collect(
  response: IncomingMessage,
  limit: number,
  each: HttpRequest["each"],
): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    if (each !== undefined) {
      each(chunk);
      continue;
    }
    size += chunk.length;
    if (size > limit) throw new IhcError("too-large", "the gateway's answer is too large");
    chunks.push(chunk);
  }
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(response.headers))
    headers[name] = Array.isArray(value) ? value.join(", ") : value;
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks) };
}

function failure(cause: unknown, url: URL): IhcError {
  if (cause instanceof IhcError) return cause;
  if (cause instanceof Error && cause.name === "AbortError")
    return new IhcError("canceled", "canceled", { cause });
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  return new IhcError(
    "unavailable",
    `cannot reach the gateway at ${visible(url.origin)}: ${reasons[code] ?? why(cause)}`,
    {
      hint: hints[code] ?? "check your network and the gateway's address: ihc doctor",
      cause,
    },
  );
}

function why(cause: unknown): string {
  return visible(cause instanceof Error ? cause.message : String(cause));
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "the name cannot be resolved",
  ECONNRESET: "the connection was cut",
  ETIMEDOUT: "no answer",
  DEPTH_ZERO_SELF_SIGNED_CERT: "its certificate is self-signed",
  SELF_SIGNED_CERT_IN_CHAIN: "its certificate is signed by an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its certificate is signed by an unknown authority",
  CERT_HAS_EXPIRED: "its certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
};

const naming = "name your organisation's authority: ihc login --gateway … --ca ca.pem";
const hints: Readonly<Record<string, string>> = {
  ECONNREFUSED: "is the gateway running? check with ihc doctor",
  DEPTH_ZERO_SELF_SIGNED_CERT: naming,
  SELF_SIGNED_CERT_IN_CHAIN: naming,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: naming,
};
