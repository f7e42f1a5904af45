import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { json } from "node:stream/consumers";
import type { SecureContext } from "node:tls";
import { IhcError } from "../../base/errors.ts";
import type { Admitted } from "../../core/session/operation.ts";
import type { Session } from "../../core/session/session.ts";
import type { Upstream } from "../protocol.ts";
import { type Credential, credentialOf } from "./credential.ts";
import { dialSocket } from "./dial.ts";
import type { KubernetesResponse, SessionState, StreamAnswer } from "./exchange.ts";
import { type Headers, impersonation } from "./headers.ts";
import type { KubernetesOperation } from "./operation.ts";
import type { KubernetesSettings } from "./settings.ts";

/** The API server, as one session's person sees it. The only way out: what is sent was admitted, and says who asks. */
export interface Cluster {
  /** Sends the operation. Redirects are refused, never followed. Throws IhcError `unavailable`. */
  send(operation: Admitted<KubernetesOperation>, how: Sending): Promise<KubernetesResponse>;
  /** Asks for an upgrade to a WebSocket with one of the subprotocols. */
  open(
    operation: Admitted<KubernetesOperation>,
    protocols: readonly string[],
    how: Pick<Sending, "headers" | "signal">,
  ): Promise<StreamAnswer>;
  /** A question of the gateway's own to discovery, asked as the person. */
  ask(path: string): Promise<unknown>;
}

export interface Sending {
  /** Those of the client's that may pass. */
  readonly headers: Headers;
  readonly accept: string;
  readonly signal: AbortSignal;
}

/** Discovery of one group version, and nothing else: what is asked here was not admitted. */
const discoveryPath = /^\/(?:api|apis\/[a-z0-9.-]+)\/[a-z0-9]+$/;
/** How long a question of the gateway's own may take, milliseconds. */
const patience = 10_000;

export function clusterOf(
  session: Session,
  upstream: Upstream<KubernetesSettings, SessionState>,
  state: SessionState,
): Cluster {
  state.credential ??= credentialOf(upstream);
  const line: Line = { settings: upstream.settings, agent: state.agent, credential: state.credential };
  const identity = (): Headers =>
    impersonation(session.principal, upstream.settings, { session: session.id, incident: session.incident });
  return {
    send: ({ method, info, body, contentType }, { headers, accept, signal }) =>
      exchange(line, {
        method,
        target: info.target,
        headers: {
          ...headers,
          ...identity(),
          accept,
          ...(contentType === undefined ? {} : { "content-type": contentType }),
        },
        ...(body === undefined ? {} : { body }),
        signal,
      }),
    open: ({ info }, protocols, { headers, signal }) =>
      dial(line, info.target, protocols, { headers: { ...headers, ...identity() }, signal }),
    async ask(target) {
      if (!discoveryPath.test(target)) throw new IhcError("invalid", "this is no path of discovery");
      const signal = AbortSignal.any([session.signal, AbortSignal.timeout(patience)]);
      const headers = { ...identity(), accept: "application/json" };
      const answer = await exchange(line, { method: "GET", target, headers, signal });
      if (answer.status === 200) return await json(answer.body);
      answer.body.resume();
      throw new IhcError("unavailable", `the cluster does not show its API (status ${answer.status})`, {
        hint: "tell the gateway's operator: ihc gateway check",
      });
    },
  };
}

/** The cluster as the gateway's own account sees it: for `ihc gateway check` and `ihc targets harden`, never for a person. */
export interface Account {
  /** Status and parsed JSON. Throws IhcError `unavailable`. */
  ask(
    method: "GET" | "POST",
    target: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly body: unknown }>;
  close(): void;
}

export function accountOf(upstream: Pick<Upstream<KubernetesSettings>, "settings" | "secret">): Account {
  const agent = new Agent();
  const line: Line = { settings: upstream.settings, agent, credential: credentialOf(upstream) };
  return {
    async ask(method, target, body) {
      const answer = await exchange(line, {
        method,
        target,
        headers: { accept: "application/json", ...(body ? { "content-type": "application/json" } : {}) },
        ...(body ? { body: Buffer.from(JSON.stringify(body)) } : {}),
        signal: AbortSignal.timeout(patience),
      });
      return { status: answer.status, body: await json(answer.body).catch(() => undefined) };
    },
    close: () => agent.destroy(),
  };
}

interface Line {
  readonly settings: KubernetesSettings;
  readonly agent: Agent;
  readonly credential: Credential;
}

interface Question {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

/** A credential that the server does not take any more is fetched anew, once: what was refused has not run. */
async function exchange(line: Line, question: Question): Promise<KubernetesResponse> {
  const first = await once(line, question);
  if (first.statusCode !== 401) return checked(first);
  first.resume();
  line.credential.refused();
  const second = await once(line, question);
  if (second.statusCode !== 401) return checked(second);
  second.destroy();
  throw refusedCredential();
}

async function once(
  line: Line,
  { method, target, headers, body, signal }: Question,
): Promise<IncomingMessage> {
  const { settings, agent } = line;
  const { token, secureContext } = await proof(line);
  const { hostname, port } = new URL(settings.server);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const options = {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? 443 : Number(port),
    ...serverName(settings),
    secureContext,
    agent,
    method,
    path: target,
    headers: {
      ...plain(headers),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-length": body.length }),
    },
    signal,
  };
  const outgoing = request(options);
  outgoing.on("response", resolve).on("error", (cause) => reject(unreachable(cause, signal)));
  outgoing.on("upgrade", (_response, socket) => {
    socket.destroy();
    reject(new IhcError("unavailable", "the API server switched protocols without being asked"));
  });
  outgoing.on("socket", (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => outgoing.destroy(new Error("no connection")), settings.connect_timeout);
    const done = (): void => clearTimeout(timer);
    socket.once("secureConnect", done).once("close", done);
  });
  outgoing.end(body);
  return await promise;
}

async function dial(
  line: Line,
  target: string,
  protocols: readonly string[],
  options: Pick<Question, "headers" | "signal">,
): Promise<StreamAnswer> {
  const first = await upgrade(line, target, protocols, options);
  if (first.kind === "open" || first.response.status !== 401) return first;
  first.response.body.resume();
  line.credential.refused();
  const second = await upgrade(line, target, protocols, options);
  if (second.kind === "open" || second.response.status !== 401) return second;
  second.response.body.destroy();
  throw refusedCredential();
}

async function upgrade(
  line: Line,
  target: string,
  protocols: readonly string[],
  { headers, signal }: Pick<Question, "headers" | "signal">,
): Promise<StreamAnswer> {
  const { settings } = line;
  const { token, secureContext } = await proof(line);
  signal.throwIfAborted();
  const socket = dialSocket(settings.server, target, protocols, {
    headers: { ...plain(headers), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    secureContext,
    ...serverName(settings),
  });
  const { promise, resolve, reject } = Promise.withResolvers<StreamAnswer>();
  const cut = (): void => socket.terminate();
  signal.addEventListener("abort", cut, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", cut));
  socket.on("error", (cause) => reject(unreachable(cause, signal)));
  socket.once("open", () => resolve({ kind: "open", socket }));
  socket.once("unexpected-response", (_request, response) => {
    try {
      resolve({ kind: "refused", response: checked(response) });
    } catch (error) {
      reject(error);
    }
  });
  return await promise;
}

async function proof({
  credential,
}: Line): Promise<{ token: string | undefined; secureContext: SecureContext }> {
  try {
    return { token: await credential.token(), secureContext: await credential.context() };
  } catch (cause) {
    if (cause instanceof IhcError && cause.code === "unavailable") throw cause;
    // Which reference it is concerns the operator, whose log says it.
    throw new IhcError("unavailable", "the gateway's credential for the cluster is not to be had", {
      hint: "tell the gateway's operator: ihc gateway check",
      cause,
    });
  }
}

function serverName({ server, server_name: name }: KubernetesSettings): { readonly servername?: string } {
  if (name !== undefined) return { servername: name };
  const { hostname } = new URL(server);
  return /^[\d.]+$|^\[/.test(hostname) ? {} : { servername: hostname };
}

function plain(headers: Headers): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  );
}

function checked(response: IncomingMessage): KubernetesResponse {
  const status = response.statusCode ?? 0;
  if (status >= 300 && status < 400 && status !== 304) {
    response.destroy();
    throw new IhcError("unavailable", "the API server answers with a redirect, which is not followed", {
      rule: "redirect",
      hint: "tell the gateway's operator: server must be the API server itself",
    });
  }
  return { status, headers: response.headers, body: response };
}

function refusedCredential(): IhcError {
  return new IhcError("unavailable", "the cluster does not take the gateway's own credential", {
    hint: "tell the gateway's operator: ihc gateway check",
  });
}

function unreachable(cause: Error, signal: AbortSignal): Error {
  if (signal.aborted) return new IhcError("canceled", "the request was given up", { cause });
  return new IhcError("unavailable", "the API server does not answer", {
    hint: "tell the gateway's operator: ihc gateway check",
    cause,
  });
}
