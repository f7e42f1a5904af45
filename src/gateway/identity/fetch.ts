import { request as requestHttp } from "node:http";
import { Agent, request as requestHttps } from "node:https";
import { text } from "node:stream/consumers";
import { getCACertificates } from "node:tls";
import { IhcError } from "../../base/errors.ts";

/** What is used of fetch: GET with headers, no redirects. */
export type Fetch = (
  url: string,
  options: { readonly headers: Headers | Record<string, string>; readonly signal?: AbortSignal | undefined },
) => Promise<Response>;

const largest = 1024 * 1024;

/** A fetch that also trusts a private authority, for talking to the provider only. Redirects are answers, never followed. */
export function fetchTrusting(ca: string | undefined): Fetch {
  const agent = ca === undefined ? undefined : new Agent({ ca: [...getCACertificates("default"), ca] });
  return (url, { headers, signal }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const options = {
      headers: Object.fromEntries(new Headers(headers)),
      ...(signal ? { signal } : {}),
    };
    const request = url.startsWith("https:")
      ? requestHttps(url, { ...options, ...(agent ? { agent } : {}) })
      : requestHttp(url, options);
    request.on("error", reject);
    request.on("response", (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > largest)
          response.destroy(new IhcError("too-large", "the provider's answer is too large"));
      });
      text(response).then((body) => {
        const type = response.headers["content-type"] ?? "";
        resolve(
          new Response(body, { status: response.statusCode ?? 500, headers: { "content-type": type } }),
        );
      }, reject);
    });
    request.end();
    return promise;
  };
}
