import type { IncomingMessage } from "node:http";
import { IhcError } from "../../base/errors.ts";

/** Reads a request's body whole, because it is judged whole. Undefined when there is none. Throws IhcError `too-large`. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array | undefined> {
  const length = Number(request.headers["content-length"] ?? 0);
  if (length > limit) throw tooLarge(limit);
  if (request.headers["content-encoding"] !== undefined)
    throw new IhcError("invalid", "the body of a request must not be compressed", {
      rule: "encoded-body",
      hint: "send it without Content-Encoding",
    });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(bytes);
  }
  return size === 0 ? undefined : Buffer.concat(chunks, size);
}

function tooLarge(limit: number): IhcError {
  return new IhcError("too-large", `the body is longer than ${limit} bytes`, {
    rule: "body-limit",
    hint: "split it; the API server takes 3 MiB at most",
  });
}
