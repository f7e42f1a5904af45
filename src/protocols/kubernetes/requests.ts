import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import { systemClock } from "../../base/clock.ts";
import { IhcError } from "../../base/errors.ts";
import type { Session } from "../../core/session/session.ts";
import { readBody } from "./body.ts";
import { classify } from "./classify.ts";
import { withCurrentSecrets } from "./current.ts";
import { answerStatus, denied, endedStatus, statusBody, unreadable, whyEnded } from "./denial.ts";
import { clusterDiscovery } from "./discovery.ts";
import type { KubernetesResponse } from "./exchange.ts";
import { answered, forwarded, pretence, warning } from "./headers.ts";
import { type Judged, judged } from "./hold.ts";
import { acceptFor } from "./negotiate.ts";
import type { KubernetesOperation } from "./operation.ts";
import { type ResponseMask, responseMasker } from "./response.ts";
import { Result } from "./result.ts";
import { type Serving, take } from "./serving.ts";
import { BadRequest } from "./wire/bad-request.ts";
import { parseRequest } from "./wire/request-info.ts";

/**
 * Answers one request: read, judged, on record, sent, masked, recorded. Throws IhcError for what the gateway cannot do; what
 * is refused is answered here.
 */
export async function answerRequest(
  serving: Serving,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const leave = take(serving);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  try {
    const { session, upstream } = serving;
    const body = await readBody(request, upstream.settings.body_limit);
    const operation = await understand(serving, request, body);
    if (operation instanceof BadRequest)
      answerStatus(response, unreadable(operation), session.masks, { connection: "close" });
    else await answer(serving, operation, request, response, gone.signal);
  } finally {
    leave();
  }
}

/** What the request means; a target that cannot be read in one way only is put on record and comes back as the error. */
export async function understand(
  { session, state, cluster }: Serving,
  request: IncomingMessage,
  body: Uint8Array | undefined,
): Promise<KubernetesOperation | BadRequest> {
  const { method = "", url = "", headers } = request;
  try {
    const info = parseRequest(method, url);
    state.discovery ??= clusterDiscovery((path) => cluster.ask(path), systemClock);
    const refusal = pretence(request.rawHeaders);
    const operation = classify({ info, method, headers, body }, await state.discovery.of(info));
    return refusal ? { ...operation, refusal } : await withCurrentSecrets(operation, cluster);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    const { rule, reason, hint } = error;
    await session.admit({
      kind: "request",
      text: `${method} ${url}`,
      parameters: [],
      effect: "unknown",
      resources: [],
      traits: [],
      refusal: { rule, reason, hint },
    });
    return error;
  }
}

async function answer(
  serving: Serving,
  operation: KubernetesOperation,
  request: IncomingMessage,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<void> {
  const { session, upstream, cluster } = serving;
  const accept = acceptFor(operation.info, request.headers.accept);
  const result = await judged(session, operation, { gone, limit: upstream.settings.hold_timeout });
  const { admission } = result;
  if (!admission.ok) {
    const status = session.signal.aborted ? endedStatus(session.signal) : denied(admission.denial);
    answerStatus(response, status, session.masks, { warning: warnings(session, operation, result) });
    return;
  }
  const record = new Result(session, admission.id);
  let mask: ResponseMask | undefined;
  try {
    const signal = AbortSignal.any([gone, session.signal]);
    const sent = await cluster.send(admission.op, { headers: forwarded(request.headers), accept, signal });
    // A HEAD says how long its body would be, and has none.
    if (operation.method !== "HEAD") mask = masked(serving, operation, sent, record);
    const own = warnings(session, operation, result);
    const head = answered(sent, session.masks, own);
    // As with a GET; some clients take an answer without it for one that ends with the connection.
    if (operation.method === "HEAD" && sent.status === 200) head["transfer-encoding"] = "chunked";
    response.writeHead(sent.status, head);
    // A watch or a log may have nothing to say for hours, and its client waits for the head; any other leaves with its body.
    if (operation.info.watch || operation.info.subresource === "log") response.flushHeaders();
    if (mask) await relay(serving, sent, mask, response, signal);
    else withoutBody(sent, response);
    record.end(`${sent.status} ${STATUS_CODES[sent.status] ?? ""}`.trim(), mask?.counts() ?? nothing);
  } catch (error) {
    record.end(brokenOff(session, gone, error), mask?.counts() ?? nothing);
    breakOff(serving, operation, response, error);
  }
}

/** Why the recording has no status: how most watches end. */
function brokenOff({ signal }: Session, gone: AbortSignal, error: unknown): string {
  if (signal.aborted) return whyEnded(signal);
  if (gone.aborted) return "ended by the client";
  return error instanceof IhcError ? error.message : "broken off";
}

const nothing = { bytes: 0, objects: 0, masked: [] };

/** Chooses the mask before a byte goes out; an answer that cannot be masked is not read any further. */
function masked(
  { masks }: Serving,
  { info }: KubernetesOperation,
  sent: KubernetesResponse,
  record: Result,
): ResponseMask {
  try {
    return responseMasker(masks(info), info, sent, record);
  } catch (error) {
    sent.body.destroy();
    throw error;
  }
}

function withoutBody({ body }: KubernetesResponse, response: ServerResponse): void {
  body.resume();
  response.end();
}

/** One chunk after the other, at the pace of the slowest: API server, recording, client. */
async function relay(
  { session }: Serving,
  { body }: KubernetesResponse,
  mask: ResponseMask,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const write = async (bytes: Uint8Array): Promise<void> => {
    if (bytes.length > 0 && !response.write(bytes)) await once(response, "drain", { signal });
  };
  for await (const chunk of body) {
    await write(mask.push(chunk));
    await session.recorded();
  }
  await write(mask.end());
  response.end();
}

/**
 * An answer that has begun must not look complete, so its connection is cut; a watch is told why first, in the words of its
 * own stream. Throws what can still be answered.
 */
function breakOff(
  { session }: Serving,
  { info }: KubernetesOperation,
  response: ServerResponse,
  error: unknown,
): void {
  const over = session.signal.aborted ? endedStatus(session.signal) : undefined;
  if (!response.headersSent) {
    if (!over) throw error;
    answerStatus(response, over, session.masks, { connection: "close" });
  } else if (over && info.watch) {
    const status = statusBody(over, session.masks).toString("utf8").trimEnd();
    response.end(`{"type":"ERROR","object":${status}}\n`);
  } else response.destroy();
}

/** Told with every answer about a resource: kubectl prints each text once. */
function warnings(session: Session, { info }: KubernetesOperation, { held }: Judged): readonly string[] {
  if (!info.isResource) return [];
  const recorded = warning(`this session is recorded (${session.id})`);
  return held ? [recorded, warning(`the request waited for approval as ${held.request}`)] : [recorded];
}
