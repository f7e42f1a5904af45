import type { z } from "zod";
import { IhcError } from "../base/errors.ts";
import {
  type ChunkInput,
  type ChunkView,
  chunkView,
  type Discovery,
  discovery,
  type GrantView,
  grantView,
  page,
  type RequestInput,
  type RequestView,
  type ReviewInput,
  requestView,
  type SessionInput,
  type SessionOpened,
  type SessionView,
  sessionOpened,
  sessionView,
  type TargetView,
  targetView,
  type Whoami,
  whoami,
} from "../core/api/schema.ts";
import type { Credentials, Profile } from "./credentials.ts";
import { type Http, type HttpResponse, http } from "./http.ts";
import { problemError } from "./problem.ts";

/** The gateway's control API as the CLI calls it. Every method throws IhcError; ids may be unique beginnings. */
export interface ControlClient {
  discovery(): Promise<{ readonly discovery: Discovery; readonly date: Date | undefined }>;
  whoami(): Promise<Whoami>;
  targets(): Promise<readonly TargetView[]>;
  requests(query?: Query): Promise<readonly RequestView[]>;
  request(
    id: string,
    options?: {
      readonly wait?: number;
      readonly version?: number;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<RequestView>;
  fileRequest(input: RequestInput): Promise<RequestView>;
  cancelRequest(request: RequestView): Promise<RequestView>;
  review(request: RequestView, input: ReviewInput): Promise<RequestView>;
  grants(query?: Query): Promise<readonly GrantView[]>;
  grant(id: string): Promise<GrantView>;
  revoke(grant: GrantView): Promise<GrantView>;
  sessions(query?: Query): Promise<readonly SessionView[]>;
  session(id: string, signal?: AbortSignal): Promise<SessionView>;
  openSession(input: SessionInput): Promise<SessionOpened>;
  endSession(id: string, signal?: AbortSignal): Promise<void>;
  /** Adds the next part of this client's own recording. */
  sendChunk(session: string, number: number, input: ChunkInput, signal?: AbortSignal): Promise<ChunkView>;
  /** Any other endpoint, for audit and recordings. */
  get(path: string, query?: Query, limit?: number): Promise<HttpResponse>;
  /** An answer that goes on for as long as there is something to say; resolves at its end. */
  follow(path: string, each: (chunk: Buffer) => void, signal: AbortSignal): Promise<void>;
  /** Headers that prove who we are to one URL of this gateway. */
  headers(method: string, url: URL): Promise<Readonly<Record<string, string>>>;
  readonly profile: Profile;
  close(): void;
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

interface Call {
  readonly method?: string;
  readonly query?: Query | undefined;
  readonly body?: unknown;
  readonly version?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: number | undefined;
  readonly limit?: number | undefined;
  readonly each?: (chunk: Buffer) => void;
}

export function controlClient(
  profile: Profile,
  credentials: Credentials,
  client: Http = http(profile.ca),
): ControlClient {
  const send = (path: string, call: Call = {}): Promise<HttpResponse> =>
    ask(client, profile, credentials, path, call);
  const one = async <T extends z.ZodType>(schema: T, path: string, call?: Call): Promise<z.output<T>> =>
    parsed(schema, await send(path, call));
  const all = async <T extends z.ZodType>(
    schema: T,
    path: string,
    query: Query = {},
  ): Promise<z.output<T>[]> => {
    const found: z.output<T>[] = [];
    let next: string | undefined;
    do {
      const got = parsed(page(schema), await send(path, { query: { ...query, cursor: next } }));
      found.push(...got.items);
      next = got.next;
    } while (next !== undefined && found.length < most);
    return found;
  };
  return {
    profile,
    discovery: () => discover(client, profile),
    whoami: () => one(whoami, "v1/whoami"),
    targets: () => all(targetView, "v1/targets"),
    requests: (query) => all(requestView, "v1/requests", query),
    request: (id, { wait, version, signal } = {}) =>
      one(requestView, `v1/requests/${segment(id)}`, {
        query: { wait: wait === undefined ? undefined : Math.ceil(wait / 1000), version },
        signal,
        timeout: (wait ?? 0) + 30_000,
      }),
    fileRequest: (body) => one(requestView, "v1/requests", { method: "POST", body }),
    cancelRequest: ({ id, version }) =>
      one(requestView, `v1/requests/${segment(id)}/cancel`, { method: "POST", body: {}, version }),
    review: ({ id, version }, body) =>
      one(requestView, `v1/requests/${segment(id)}/reviews`, { method: "POST", body, version }),
    grants: (query) => all(grantView, "v1/grants", query),
    grant: (id) => one(grantView, `v1/grants/${segment(id)}`),
    revoke: ({ id, version }) =>
      one(grantView, `v1/grants/${segment(id)}/revoke`, { method: "POST", body: {}, version }),
    sessions: (query) => all(sessionView, "v1/sessions", query),
    session: (id, signal) => one(sessionView, `v1/sessions/${segment(id)}`, { signal }),
    openSession: (body) => one(sessionOpened, "v1/sessions", { method: "POST", body }),
    endSession: async (id, signal) => {
      await send(`v1/sessions/${segment(id)}/end`, { method: "POST", body: {}, signal });
    },
    sendChunk: (session, number, body, signal) =>
      one(chunkView, `v1/sessions/${segment(session)}/chunks/client/${number}`, {
        method: "POST",
        body,
        signal,
      }),
    get: (path, query, limit) => send(path, { query, limit }),
    follow: async (path, each, signal) => {
      await send(path, { each, signal, timeout: 0 });
    },
    headers: (method, url) => credentials.headers(method, url),
    close: () => client.close(),
  };
}

/** Listings stop here: nobody reads further, and a broken `next` must not loop for ever. */
const most = 10_000;

async function ask(
  client: Http,
  profile: Profile,
  credentials: Credentials,
  path: string,
  call: Call,
): Promise<HttpResponse> {
  const { method = "GET", query = {}, body, version, signal, timeout, limit, each } = call;
  const url = new URL(path, base(profile.gateway));
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value));
  const attempt = async (): Promise<HttpResponse> =>
    await client.send({
      method,
      url,
      headers: {
        ...(await credentials.headers(method, url)),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(version === undefined ? {} : { "if-match": `"${version}"` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
      ...(timeout === undefined ? {} : { timeout }),
      ...(limit === undefined ? {} : { limit }),
      each,
    });
  let response = await attempt();
  const nonce = response.headers["dpop-nonce"];
  if (nonce !== undefined) {
    credentials.nonce(url, nonce);
    // RFC 9449, section 9: the gateway wants its own nonce in the proof, and says so once.
    if (response.status === 401) response = await attempt();
  }
  if (response.status >= 300) throw problemError(response);
  return response;
}

/** What the gateway says of itself to anybody, and what time it has. */
export async function discover(
  client: Http,
  profile: Profile,
): Promise<{ discovery: Discovery; date: Date | undefined }> {
  const response = await client.send({
    method: "GET",
    url: new URL(".well-known/ihc", base(profile.gateway)),
    timeout: 10_000,
  });
  if (response.status !== 200) throw notGateway(response);
  const date = Date.parse(response.headers["date"] ?? "");
  return { discovery: parsed(discovery, response), date: Number.isNaN(date) ? undefined : new Date(date) };
}

function parsed<T extends z.ZodType>(schema: T, response: HttpResponse): z.output<T> {
  let body: unknown;
  try {
    body = JSON.parse(response.body.toString("utf8"));
  } catch (cause) {
    throw notGateway(response, cause);
  }
  const result = schema.safeParse(body);
  if (!result.success) throw notGateway(response, result.error);
  return result.data;
}

function notGateway(response: HttpResponse, cause?: unknown): IhcError {
  return new IhcError("unavailable", `unexpected answer from the gateway (status ${response.status})`, {
    hint: "is this the address of an ihc gateway, and of this version? check with ihc doctor",
    cause,
  });
}

/** A base URL must end in a slash, or its last path segment is replaced. */
function base(gateway: URL): URL {
  return gateway.pathname.endsWith("/") ? gateway : new URL(`${gateway.href}/`);
}

/** An id in a path: never `..` or a slash, whatever was typed. */
function segment(id: string): string {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(id))
    throw new IhcError("usage", "not an id", { hint: "ids look like req_7Q2M4KXW9D3F" });
  return id;
}
