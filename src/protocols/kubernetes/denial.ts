import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { IhcError } from "../../base/errors.ts";
import { visible } from "../../base/text.ts";
import type { MaskPlan } from "../../core/masking/plan.ts";
import type { Denial } from "../../core/session/verdict.ts";
import type { StatusAnswer } from "./exchange.ts";

/**
 * A refusal in Kubernetes' words: a `Status` whose message kubectl prints as it stands, so rule and next command are in it.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
 */
export function denied({ rule, reason, hint }: Omit<Denial, "kind">): StatusAnswer {
  const next = hint === undefined ? "" : `; ${hint}`;
  const message = `ihc: denied by rule ${rule}: ${reason}${next}`;
  return { code: 403, reason: "Forbidden", message, ours: true };
}

/** A request that cannot be read in one way only. */
export function unreadable({ rule, reason, hint }: Omit<Denial, "kind">): StatusAnswer {
  return {
    ...denied({ rule, reason, ...(hint === undefined ? {} : { hint }) }),
    code: 400,
    reason: "BadRequest",
  };
}

/** What the gateway itself cannot do; an error that is not ours says nothing about itself. */
export function failed(error: unknown): StatusAnswer {
  if (!(error instanceof IhcError))
    return { code: 500, reason: "InternalError", message: "ihc: internal error" };
  const next = error.hint === undefined ? "" : `; ${error.hint}`;
  const rule = error.rule === undefined ? "" : ` (rule ${error.rule})`;
  const message = `ihc: ${error.message}${rule}${next}`;
  const [code, reason] = codes[error.rule ?? ""] ?? codes[error.code] ?? [500, "InternalError"];
  return { code, reason, message };
}

const codes: Readonly<Record<string, readonly [number, string] | undefined>> = {
  "not-acceptable": [406, "NotAcceptable"],
  "unmaskable-answer": [502, "InternalError"],
  invalid: [400, "BadRequest"],
  denied: [403, "Forbidden"],
  "too-large": [413, "RequestEntityTooLarge"],
  "rate-limited": [429, "TooManyRequests"],
  unavailable: [503, "ServiceUnavailable"],
};

export const unauthorized: StatusAnswer = {
  code: 401,
  reason: "Unauthorized",
  message: "ihc: this is not the session's token; connect again with ihc connect",
};

/** The session is over, for the reason that its signal carries. */
export function endedStatus(signal: AbortSignal): StatusAnswer {
  const message = `ihc: ${whyEnded(signal)}; connect again with ihc connect`;
  return { code: 403, reason: "Forbidden", message, ours: true };
}

export function whyEnded({ reason }: AbortSignal): string {
  return reason instanceof IhcError ? `the session has ended: ${reason.message}` : "the session has ended";
}

/** The object that goes out, masked where it may quote the cluster; a reviewer's address is to be read. */
export function statusBody(answer: StatusAnswer, masks: Pick<MaskPlan, "text">): Buffer {
  const { code, reason, ours = false } = answer;
  const text = answer.message.toWellFormed();
  const message = visible(ours ? text : masks.text(text));
  const head = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" };
  return Buffer.from(`${JSON.stringify({ ...head, message, reason, code })}\n`);
}

/** Answers with a Status; closes the connection instead when an answer has begun. */
export function answerStatus(
  response: ServerResponse,
  answer: StatusAnswer,
  masks: Pick<MaskPlan, "text">,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = statusBody(answer, masks);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.writeHead(answer.code, { ...plainHeaders, "content-length": body.length });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** Answers an upgrade request, for which there is no ServerResponse, and closes. */
export function refuseUpgrade(socket: Duplex, answer: StatusAnswer, masks: Pick<MaskPlan, "text">): void {
  const body = statusBody(answer, masks);
  const lines = [
    `HTTP/1.1 ${answer.code} ${answer.reason}`,
    ...Object.entries(plainHeaders).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${body.length}`,
    "connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), body]));
}

const plainHeaders = { "content-type": "application/json", "cache-control": "no-cache, private" } as const;
