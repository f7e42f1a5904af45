import type { z } from "zod";
import { type ErrorCode, IhcError } from "../../base/errors.ts";
import type { problem } from "../../core/api/schema.ts";

type Problem = z.infer<typeof problem>;

const statuses: Readonly<Record<ErrorCode, number>> = {
  usage: 400,
  config: 500,
  invalid: 400,
  "not-found": 404,
  conflict: 409,
  denied: 403,
  unauthenticated: 401,
  "login-needed": 401,
  pending: 409,
  "approval-refused": 403,
  canceled: 409,
  "too-large": 413,
  "rate-limited": 429,
  unavailable: 503,
  storage: 503,
  corrupt: 500,
  internal: 500,
};

const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  428: "Precondition Required",
  429: "Too Many Requests",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** The problem document (RFC 9457) of an error. What is not an IhcError stays inside: only the request id goes out. */
export function problemOf(error: unknown, instance: string, status?: number): Problem {
  const known = error instanceof IhcError ? error : new IhcError("internal", "the gateway failed");
  const number = status ?? statuses[known.code];
  return {
    type: `urn:ihc:problem:${known.code}`,
    title: titles[number] ?? "Error",
    status: number,
    detail: known.message,
    code: known.code,
    instance,
    ...(known.rule === undefined ? {} : { rule: known.rule }),
    ...(known.hint === undefined ? {} : { hint: known.hint }),
  };
}

/** The problem as an HTTP answer. */
export function problemResponse(error: unknown, instance: string, status?: number): Response {
  const body = problemOf(error, instance, status);
  return new Response(JSON.stringify(body), { status: body.status, headers: problemHeaders(body.status) });
}

export function problemHeaders(status: number): Record<string, string> {
  return {
    "content-type": "application/problem+json",
    "cache-control": "no-store",
    ...(status === 401 ? { "www-authenticate": 'DPoP error="invalid_token", algs="ES256 EdDSA RS256"' } : {}),
    // The rest of the body was not read, so the connection cannot carry another request.
    ...(status === 413 ? { connection: "close" } : {}),
    ...(status === 405 ? { allow: "GET, HEAD, POST" } : {}),
    ...(status === 429 ? { "retry-after": "5" } : {}),
  };
}
