import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { notAPerson, notReviewable } from "../../core/access/decide.ts";
import type { Principal } from "../../core/access/principal.ts";
import { type AccessRequest, withoutSecrets } from "../../core/access/request.ts";
import { page, type RequestView, requestInput, requestView, reviewInput } from "../../core/api/schema.ts";
import type { RequestFilter } from "../../storage/store.ts";
import type { InForce } from "../in-force.ts";
import type { Log } from "../log.ts";
import type { Records } from "../records.ts";
import { cancel, fileRequest } from "../requests.ts";
import { reviewRequest } from "../reviews.ts";
import type { Visibility } from "../visibility.ts";
import { type App, callerOf } from "./app.ts";
import { findVisible } from "./find.ts";
import { answers, jsonBody, versionOf } from "./responses.ts";
import { viewRequest } from "./views.ts";

const id = z.object({ id: z.string().max(32) });
const emptyBody = { content: { "application/json": { schema: z.strictObject({}) } } };

const listQuery = z.strictObject({
  scope: z.enum(["mine", "review", "all"]).optional(),
  state: z.enum(["pending", "approved", "denied", "expired", "canceled", "used"]).optional(),
  target: z.string().max(128).optional(),
  session: z.string().max(32).optional(),
  prefix: z.string().max(32).optional(),
  limit: z.coerce.number().int().min(1).max(100).optional(),
  /** `next` of the page before. */
  cursor: z.iso.datetime().optional(),
});

const waitQuery = z.strictObject({
  /** Seconds to wait for a change. */
  wait: z.coerce.number().int().min(0).max(120).optional(),
  /** Answer as soon as the version is another one; by default as soon as the request is not pending. */
  version: z.coerce.number().int().min(1).optional(),
});

const file = createRoute({
  method: "post",
  path: "/v1/requests",
  summary: "File a request for a grant",
  request: { body: jsonBody(requestInput) },
  responses: answers(requestView, "the request; break-glass is approved at once", 201),
});
const list = createRoute({
  method: "get",
  path: "/v1/requests",
  summary: "List requests: mine, to review, or all that the caller may see; newest first",
  request: { query: listQuery },
  responses: answers(page(requestView), "one page"),
});
const get = createRoute({
  method: "get",
  path: "/v1/requests/{id}",
  summary: "One request, by its id or a unique beginning; optionally waiting for it to change",
  request: { params: id, query: waitQuery },
  responses: answers(requestView, "the request"),
});
const cancelRoute = createRoute({
  method: "post",
  path: "/v1/requests/{id}/cancel",
  summary: "Take a pending request back (If-Match)",
  request: { params: id, body: emptyBody },
  responses: answers(requestView, "the canceled request"),
});
const review = createRoute({
  method: "post",
  path: "/v1/requests/{id}/reviews",
  summary: "Approve or deny, naming the digest of what was shown (If-Match)",
  request: { params: id, body: jsonBody(reviewInput) },
  responses: answers(requestView, "the request after the review"),
});

export interface RequestParts {
  readonly records: Records;
  readonly current: () => InForce;
  /** Called per person before a change. */
  readonly limitChanges: (person: string) => void;
  readonly log: Log;
}

export function requestRoutes(app: App, { records, current, limitChanges, log }: RequestParts): void {
  const { store, clock } = records;
  const view = (request: AccessRequest, caller: Principal): RequestView =>
    viewRequest(asSeenBy(caller, request, records), caller, clock.now());
  app.openapi(file, async (c) => {
    const { who } = callerOf(c, current());
    limitChanges(who.principal.person);
    const request = await fileRequest(records, current(), who.principal, c.req.valid("json"));
    return c.json(view(request, who.principal), 201);
  });

  app.openapi(list, async (c) => {
    const { who, sees } = callerOf(c, current());
    const { items, next } = await listed(records, c.req.valid("query"), who.principal, sees);
    const views = items.map((item) => view(item, who.principal));
    return c.json({ items: views, ...(next === undefined ? {} : { next }) }, 200);
  });

  app.openapi(get, async (c) => {
    const { who, sees } = callerOf(c, current());
    const found = await findVisible("req", c.req.valid("param").id, store.requests, sees.request);
    const { wait = 0, version } = c.req.valid("query");
    const request = await changed(records, found, wait * 1000, version, c.req.raw.signal);
    c.header("etag", `"${request.version}"`);
    return c.json(view(request, who.principal), 200);
  });

  app.openapi(cancelRoute, async (c) => {
    const { who, sees } = callerOf(c, current());
    const version = versionOf(c.req.header("if-match"));
    const found = await findVisible("req", c.req.valid("param").id, store.requests, sees.request);
    const request = await cancel(records, who.principal, found.id, version);
    return c.json(view(request, who.principal), 200);
  });

  app.openapi(review, async (c) => {
    const { who, sees } = callerOf(c, current());
    limitChanges(who.principal.person);
    const program = notAPerson(who.principal);
    if (program) throw program;
    const version = versionOf(c.req.header("if-match"));
    const found = await findVisible("req", c.req.valid("param").id, store.requests, sees.request);
    const input = c.req.valid("json");
    const request = await reviewRequest({ records, inForce: current(), log }, who, found.id, version, input);
    return c.json(view(request, who.principal), 200);
  });
}

/** The exact statement is for who sent it and for the people who may review it; whoever else sees it sees it masked. */
function asSeenBy(caller: Principal, request: AccessRequest, records: Records): AccessRequest {
  const { requester, slots } = request;
  const reviewer =
    notAPerson(caller) === undefined && slots.some(({ group }) => caller.groups.includes(group));
  if (reviewer || requester.person === caller.person) return request;
  return withoutSecrets(request, records.shown(request));
}

/** Waits until the request differs from what the caller knows, or the time is up. */
async function changed(
  { store, clock, notify }: Records,
  found: AccessRequest,
  milliseconds: number,
  version: number | undefined,
  signal: AbortSignal,
): Promise<AccessRequest> {
  const until = clock.monotonic() + milliseconds;
  let request = found;
  const same = (): boolean =>
    version === undefined ? request.state === "pending" : request.version === version;
  while (same() && !signal.aborted && clock.monotonic() < until) {
    await notify.next(found.id, Math.min(1000, until - clock.monotonic()), signal);
    request = (await store.requests.get(found.id)) ?? request;
  }
  return request;
}

type ListQuery = z.infer<typeof listQuery>;

/** Reads pages of the store until enough of what the caller may see is found. */
async function listed(
  { store, clock }: Records,
  query: ListQuery,
  caller: Principal,
  sees: Visibility,
): Promise<{ items: readonly AccessRequest[]; next?: string }> {
  const { limit = 50, cursor } = query;
  const filter = filterOf(query, caller);
  const wanted = wantedBy(query, caller, sees, clock.now());
  const items: AccessRequest[] = [];
  let before = cursor === undefined ? {} : { before: new Date(cursor) };
  for (let pages = 0; pages < mostPages; pages++) {
    const rows = await store.requests.list({ ...filter, ...before, limit: pageSize });
    for (const row of rows) {
      before = { before: row.createdAt };
      if (wanted(row)) items.push(row);
      if (items.length === limit) return { items, next: row.createdAt.toISOString() };
    }
    if (rows.length < pageSize) return { items };
  }
  return "before" in before ? { items, next: before.before.toISOString() } : { items };
}

const pageSize = 200;
const mostPages = 10;

function filterOf({ scope, state, target, prefix }: ListQuery, caller: Principal): RequestFilter {
  return {
    ...(state === undefined ? {} : { states: [state] }),
    ...(scope === "mine" ? { person: caller.person } : {}),
    ...(target === undefined ? {} : { target }),
    ...(prefix === undefined ? {} : { prefix }),
  };
}

function wantedBy({ scope, session }: ListQuery, caller: Principal, sees: Visibility, now: Date) {
  return (request: AccessRequest): boolean =>
    sees.request(request) &&
    (session === undefined || request.operation?.session === session) &&
    (scope !== "review" || notReviewable(request, caller, now) === undefined);
}
