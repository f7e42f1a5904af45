import type { IncomingMessage, RequestOptions } from "node:http";
import { IhcError } from "../../base/errors.ts";
import { trust } from "../trust.ts";

/** What openid-client calls for every request; also fit for plain use. */
export type Fetch = (url: string, options: FetchOptions) => Promise<Response>;

export interface FetchOptions {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
}

const limit = 1024 * 1024;
const patience = 20_000;

/**
 * A fetch that trusts the system's certificate authorities and, if given, one more (PEM). It follows no redirect: an
 * identity provider's endpoints are where its metadata says. Answers above 1 MiB and silence of 20 s are errors (`unavailable`).
 * Built on node:https because the global fetch takes no certificate authority.
 */
export function fetchWith(ca?: string): Fetch {
  const trusted = trust(ca);
  return async (address, options) => {
    const url = new URL(address);
    const { request } = url.protocol === "https:" ? await import("node:https") : await import("node:http");
    const deadline = AbortSignal.timeout(patience);
    const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
    const body = bytesOf(options.body);
    const headers = { ...options.headers, ...(body === undefined ? {} : { "content-length": body.length }) };
    const settings: RequestOptions = { method: options.method, headers, signal, agent: false, ...trusted };
    try {
      const answer = await new Promise<IncomingMessage>((resolve, reject) => {
        request(url, settings, resolve).on("error", reject).end(body);
      });
      return await toResponse(answer);
    } catch (cause) {
      if (options.signal?.aborted === true) throw cause;
      throw new IhcError("unavailable", `cannot reach ${url.origin}`, { cause, hint: reasonOf(cause) });
    }
  };
}

async function toResponse(answer: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new Error("the answer is longer than 1 MiB");
    chunks.push(chunk);
  }
  const headers = new Headers();
  for (const [name, values] of Object.entries(answer.headersDistinct))
    for (const value of values ?? []) headers.append(name, value);
  const status = answer.statusCode ?? 500;
  const empty = status === 204 || status === 205 || status === 304;
  return new Response(empty ? null : Buffer.concat(chunks), { status, headers });
}

function bytesOf(body: unknown): Buffer | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === "string" || body instanceof URLSearchParams) return Buffer.from(body.toString());
  if (body instanceof Uint8Array) return Buffer.from(body);
  throw new TypeError("a request body is text, a form or bytes");
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code))
    return "its certificate is not trusted here; give the certificate authority with --ca";
  return "check the address and your network";
}
