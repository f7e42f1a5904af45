import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { json } from "node:stream/consumers";
import { IhcError } from "../../base/errors.ts";
import type { Json } from "../../base/json.ts";
import type { Admitted } from "../../core/session/operation.ts";
import type { Session } from "../../core/session/session.ts";
import type { Upstream } from "../protocol.ts";
import {
  type ApiServer,
  isRedirect,
  type Reach,
  redirected,
  unreachable,
  withCredential,
} from "./api-server.ts";
import { credentialOf } from "./credential.ts";
import type { KubernetesResponse, SessionState, StreamAnswer } from "./exchange.ts";
import type { Headers } from "./headers.ts";
import { identityOf } from "./identity.ts";
import type { KubernetesOperation } from "./operation.ts";
import type { KubernetesSettings } from "./settings.ts";
import { openStream } from "./stream-opening.ts";
import type { StreamProtocol } from "./wire/channels.ts";
import type { RequestInfo } from "./wire/request-info.ts";

/** The API server, as one session's person sees it. The only way out: what is sent was admitted, and says who asks. */
export interface Cluster {
  /** Sends the operation. Redirects are refused, never followed. Throws IhcError `unavailable`. */
  send(operation: Admitted<KubernetesOperation>, how: Sending): Promise<KubernetesResponse>;
  /** Opens a stream for a client that speaks `front`. Throws IhcError `unavailable`. */
  open(
    operation: Admitted<KubernetesOperation>,
    front: StreamProtocol,
    how: Pick<Sending, "headers" | "signal">,
  ): Promise<StreamAnswer>;
  /** A question of the gateway's own to discovery, asked as the person. */
  ask(path: string): Promise<unknown>;
  /**
   * What a patch would change, read as the person and for judging alone: null where there is nothing yet. Throws IhcError
   * `unavailable` for what cannot be read.
   */
  current(patched: RequestInfo): Promise<Json>;
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
  const server: ApiServer = { settings: upstream.settings, agent: state.agent, credential: state.credential };
  const identity = (): Headers => identityOf(session, upstream.settings, state);
  return {
    send: ({ method, info, body, contentType }, { headers, accept, signal }) =>
      exchange(server, {
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
    open: (operation, front, { headers, signal }) =>
      openStream(server, operation, front, { headers: plain({ ...headers, ...identity() }), signal }),
    async current({ verb, path }) {
      if (verb !== "patch") throw new IhcError("internal", "only what is patched is read beforehand");
      const signal = AbortSignal.any([session.signal, AbortSignal.timeout(patience)]);
      const headers = { ...identity(), accept: "application/json" };
      const answer = await exchange(server, { method: "GET", target: path, headers, signal });
      if (answer.status === 200) return (await json(answer.body)) as Json;
      answer.body.resume();
      if (answer.status === 404) return null;
      throw new IhcError("unavailable", `the object cannot be read (status ${answer.status})`);
    },
    async ask(target) {
      if (!discoveryPath.test(target)) throw new IhcError("invalid", "this is no path of discovery");
      const signal = AbortSignal.any([session.signal, AbortSignal.timeout(patience)]);
      const headers = { ...identity(), accept: "application/json" };
      const answer = await exchange(server, { method: "GET", target, headers, signal });
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
  const server: ApiServer = { settings: upstream.settings, agent, credential: credentialOf(upstream) };
  return {
    async ask(method, target, body) {
      const answer = await exchange(server, {
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

interface Question {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

async function exchange(server: ApiServer, question: Question): Promise<KubernetesResponse> {
  const response = await withCredential(server, async (reach) => {
    const answer = await once(server, reach, question);
    if (answer.statusCode !== 401) return answer;
    answer.resume();
    return undefined;
  });
  const { statusCode: status = 0, headers } = response;
  if (!isRedirect(status)) return { status, headers, body: response };
  response.destroy();
  throw redirected();
}

async function once(
  { settings, agent }: ApiServer,
  { authorization, ...reach }: Reach,
  { method, target, headers, body, signal }: Question,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = request({
    ...reach,
    agent,
    method,
    path: target,
    headers: {
      ...plain(headers),
      ...authorization,
      ...(body === undefined ? {} : { "content-length": body.length }),
    },
    signal,
  });
  outgoing.on("response", resolve).on("error", (cause) => reject(unreachable(cause, signal)));
  outgoing.on("upgrade", (_response, socket) => {
    socket.destroy();
    reject(new IhcError("unavailable", "the API server switched protocols without being asked"));
  });
  outgoing.on("socket", (socket) => {
    if (!socket.connecting) return;
    const late = (): unknown =>
      outgoing.destroy(Object.assign(new Error("no connection"), { code: "ETIMEDOUT" }));
    const timer = setTimeout(late, settings.connect_timeout);
    const done = (): void => clearTimeout(timer);
    socket.once("secureConnect", done).once("close", done);
  });
  outgoing.end(body);
  return await promise;
}

/** node:http wants lists that it may change. */
function plain(headers: Headers): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : [...value]]),
  );
}
