import { type ErrorCode, IhcError } from "../base/errors.ts";
import { problem } from "../core/api/schema.ts";
import type { HttpResponse } from "./http.ts";

/** Turns a problem document (RFC 9457) back into the error that the gateway threw; other answers by their status. */
export function problemError(response: HttpResponse): IhcError {
  const read = problem.safeParse(json(response.body));
  if (!read.success) {
    const code = byStatus[response.status] ?? (response.status >= 500 ? "unavailable" : "invalid");
    return new IhcError(code, `the gateway answered with status ${response.status}`, hintOf(code));
  }
  const { code: named, detail, title, hint, rule } = read.data;
  const code = isCode(named) ? named : (byStatus[response.status] ?? "internal");
  const said = detail === "" ? title : detail;
  return new IhcError(code, said, {
    ...hintOf(code),
    ...(hint === undefined ? {} : { hint }),
    ...(rule === undefined ? {} : { rule }),
  });
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    return { unreadable: cause };
  }
}

function hintOf(code: ErrorCode): { readonly hint?: string } {
  return code === "unauthenticated" || code === "login-needed" ? { hint: "log in again: ihc login" } : {};
}

const byStatus: Readonly<Record<number, ErrorCode>> = {
  400: "invalid",
  401: "unauthenticated",
  403: "denied",
  404: "not-found",
  409: "conflict",
  412: "conflict",
  413: "too-large",
  422: "invalid",
  429: "rate-limited",
};

const codes: Readonly<Record<ErrorCode, true>> = {
  usage: true,
  config: true,
  invalid: true,
  "not-found": true,
  conflict: true,
  denied: true,
  unauthenticated: true,
  "login-needed": true,
  pending: true,
  "approval-refused": true,
  canceled: true,
  "too-large": true,
  "rate-limited": true,
  unavailable: true,
  storage: true,
  corrupt: true,
  internal: true,
};

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(codes, text);
}
