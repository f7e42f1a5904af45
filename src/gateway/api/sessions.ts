import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import type { Principal } from "../../core/access/principal.ts";
import type { SessionRecord } from "../../core/access/session-record.ts";
import { page, sessionInput, sessionOpened, sessionView } from "../../core/api/schema.ts";
import type { Cause } from "../ground.ts";
import type { InForce } from "../in-force.ts";
import type { LiveSessions } from "../live-sessions.ts";
import { actorName, type Records } from "../records.ts";
import { type App, callerOf } from "./app.ts";
import { findVisible } from "./find.ts";
import { answers, jsonBody } from "./responses.ts";
import { viewSession } from "./views.ts";

const id = z.object({ id: z.string().max(32) });
const emptyBody = { content: { "application/json": { schema: z.strictObject({}) } } };
const listQuery = z.strictObject({
  scope: z.enum(["mine", "all"]).optional(),
  state: z.enum(["open", "ended"]).optional(),
  target: z.string().max(128).optional(),
  prefix: z.string().max(32).optional(),
  limit: z.coerce.number().int().min(1).max(500).optional(),
  cursor: z.string().max(64).optional(),
});

const open = createRoute({
  method: "post",
  path: "/v1/sessions",
  summary: "Open a session; the answer holds its secret, once",
  request: { body: jsonBody(sessionInput) },
  responses: answers(sessionOpened, "the session, its secret and where its tunnels are", 201),
});
const list = createRoute({
  method: "get",
  path: "/v1/sessions",
  summary: "List sessions that the caller may see, newest first",
  request: { query: listQuery },
  responses: answers(page(sessionView), "the sessions"),
});
const get = createRoute({
  method: "get",
  path: "/v1/sessions/{id}",
  summary: "One session, by its id or a unique beginning",
  request: { params: id },
  responses: answers(sessionView, "the session"),
});
const endRoutes = ["end", "kill"].map((word) =>
  createRoute({
    method: "post",
    path: `/v1/sessions/{id}/${word}`,
    summary: "End a session and cut its connections now",
    request: { params: id, body: emptyBody },
    responses: answers(sessionView, "the ended session"),
  }),
);

export interface SessionRouteParts {
  readonly records: Records;
  readonly current: () => InForce;
  readonly live: LiveSessions;
  readonly publicUrl: URL;
  readonly limitChanges: (person: string) => void;
}

export function sessionRoutes(app: App, parts: SessionRouteParts): void {
  const { records, current, live, limitChanges } = parts;
  const { store } = records;
  app.openapi(open, async (c) => {
    const { who } = callerOf(c, current());
    limitChanges(who.principal.person);
    const { record, secret, client } = await live.open(who, c.req.valid("json"));
    const tunnel = `${parts.publicUrl.href.replace(/\/$/, "")}/v1/tunnel/${record.id}`;
    return c.json({ session: viewSession(record, 0), secret, tunnel, client: { ...client } }, 201);
  });

  app.openapi(list, async (c) => {
    const { who, sees } = callerOf(c, current());
    const { scope = "all", state, target, prefix, limit = 100 } = c.req.valid("query");
    const rows = await store.sessions.list({
      ...(state === undefined ? {} : { states: [state] }),
      ...(scope === "mine" || !sees.auditor ? { person: who.principal.person } : {}),
      ...(target === undefined ? {} : { target }),
      ...(prefix === undefined ? {} : { prefix }),
      limit,
    });
    const items = rows.filter(sees.session).map((row) => viewSession(row, live.connections(row.id)));
    return c.json({ items }, 200);
  });

  app.openapi(get, async (c) => {
    const { sees } = callerOf(c, current());
    const found = await findVisible("ses", c.req.valid("param").id, store.sessions, sees.session);
    return c.json(viewSession(found, live.connections(found.id)), 200);
  });

  for (const route of endRoutes)
    app.openapi(route, async (c) => {
      const { who, sees } = callerOf(c, current());
      const { principal } = who;
      const found = await findVisible("ses", c.req.valid("param").id, store.sessions, sees.session);
      if (!(found.principal.person === principal.person || sees.admin))
        throw new IhcError("denied", "only its owner and admins may end a session", { rule: "end-by-owner" });
      if (found.state === "ended")
        throw new IhcError("conflict", `session ${found.id} has ended: ${found.endReason ?? ""}`);
      await live.end(found.id, endedBy(found, principal), actorName(principal));
      const ended = (await store.sessions.get(found.id)) ?? found;
      return c.json(viewSession(ended, 0), 200);
    });
}

function endedBy(session: SessionRecord, { person, name }: Principal): Cause {
  const own = session.principal.person === person;
  return {
    code: own ? "closed" : "killed",
    reason: new IhcError("canceled", `ended by ${own ? "its owner" : name}`),
  };
}
