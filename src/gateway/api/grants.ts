import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import { type Grant, revokeGrant } from "../../core/access/grant.ts";
import { grantView, page } from "../../core/api/schema.ts";
import type { InForce } from "../in-force.ts";
import { actorName, changeGrant, grantEntry, type Records } from "../records.ts";
import { type App, callerOf } from "./app.ts";
import { findVisible } from "./find.ts";
import { answers, versionOf } from "./responses.ts";
import { viewGrant } from "./views.ts";

const id = z.object({ id: z.string().max(32) });
const listQuery = z.strictObject({
  scope: z.enum(["mine", "all"]).optional(),
  state: z.enum(["active", "expired", "revoked"]).optional(),
  target: z.string().max(128).optional(),
  prefix: z.string().max(32).optional(),
  limit: z.coerce.number().int().min(1).max(500).optional(),
  cursor: z.string().max(64).optional(),
});

const list = createRoute({
  method: "get",
  path: "/v1/grants",
  summary: "List grants that the caller may see, newest first",
  request: { query: listQuery },
  responses: answers(page(grantView), "the grants"),
});
const get = createRoute({
  method: "get",
  path: "/v1/grants/{id}",
  summary: "One grant, by its id or a unique beginning",
  request: { params: id },
  responses: answers(grantView, "the grant"),
});
const revoke = createRoute({
  method: "post",
  path: "/v1/grants/{id}/revoke",
  summary: "End a grant and cut its sessions now (If-Match)",
  request: { params: id, body: { content: { "application/json": { schema: z.strictObject({}) } } } },
  responses: answers(grantView, "the revoked grant"),
});

export interface GrantParts {
  readonly records: Records;
  readonly current: () => InForce;
  readonly grantChanged: (grant: Grant) => void;
}

export function grantRoutes(app: App, { records, current, grantChanged }: GrantParts): void {
  const { store } = records;
  app.openapi(list, async (c) => {
    const { who, sees } = callerOf(c, current());
    const { scope = "all", state, target, prefix, limit = 100 } = c.req.valid("query");
    const rows = await store.grants.list({
      ...(state === undefined ? {} : { states: [state] }),
      ...(scope === "mine" ? { person: who.principal.person } : {}),
      ...(target === undefined ? {} : { target }),
      ...(prefix === undefined ? {} : { prefix }),
      limit: 1000,
    });
    const items = rows.filter(sees.grant).slice(0, limit);
    return c.json({ items: items.map((grant) => viewGrant(grant, who.principal)) }, 200);
  });

  app.openapi(get, async (c) => {
    const { who, sees } = callerOf(c, current());
    const grant = await findVisible("gra", c.req.valid("param").id, store.grants, sees.grant);
    c.header("etag", `"${grant.version}"`);
    return c.json(viewGrant(grant, who.principal), 200);
  });

  app.openapi(revoke, async (c) => {
    const { who, sees } = callerOf(c, current());
    const version = versionOf(c.req.header("if-match"));
    const found = await findVisible("gra", c.req.valid("param").id, store.grants, sees.grant);
    const { principal } = who;
    const reviewer = found.slots.some(({ group }) => principal.groups.includes(group));
    if (!(found.principal.person === principal.person || sees.admin || (reviewer && !principal.via)))
      throw new IhcError("denied", "only its holder, its reviewers and admins may revoke a grant", {
        rule: "revoke-by-owner",
      });
    const grant = await changeGrant(records, found.id, version, (grantNow, now) => {
      const revoked = revokeGrant(grantNow, principal.name, now);
      return { grant: revoked, entry: grantEntry("grant.revoked", revoked, actorName(principal), now) };
    });
    grantChanged(grant);
    return c.json(viewGrant(grant, principal), 200);
  });
}
