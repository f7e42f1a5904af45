import { createRoute } from "@hono/zod-openapi";
import type { Clock } from "../../base/clock.ts";
import type { AccessDecision } from "../../core/access/policy.ts";
import { type Discovery, discovery, page, targetView, whoami } from "../../core/api/schema.ts";
import type { InForce, ServedTarget } from "../in-force.ts";
import { type App, callerOf } from "./app.ts";
import { answers } from "./responses.ts";
import { viewTarget } from "./views.ts";

const discoveryRoute = createRoute({
  method: "get",
  path: "/.well-known/ihc",
  summary: "What a client must know to log in; needs no token",
  responses: answers(discovery, "issuer, client and the audit log's public key"),
});
const whoamiRoute = createRoute({
  method: "get",
  path: "/v1/whoami",
  summary: "Who the token says the caller is",
  responses: answers(whoami, "the caller"),
});
const targetsRoute = createRoute({
  method: "get",
  path: "/v1/targets",
  summary: "The targets, and how the caller gets to each",
  responses: answers(page(targetView), "all targets that the caller could reach"),
});

export interface IdentityParts {
  readonly clock: Clock;
  readonly current: () => InForce;
  readonly discovery: () => Discovery;
}

export function discoveryRoutes(app: App, parts: Pick<IdentityParts, "discovery">): void {
  app.openapi(discoveryRoute, (c) => c.json(parts.discovery(), 200));
}

export function identityRoutes(app: App, { clock, current }: IdentityParts): void {
  app.openapi(whoamiRoute, (c) => {
    const { principal, tokenExpiresAt } = callerOf(c, current()).who;
    return c.json(
      {
        name: principal.name,
        issuer: principal.issuer,
        subject: principal.subject,
        groups: [...principal.groups],
        amr: [...principal.amr],
        key_bound: principal.key !== undefined,
        token_expires_at: tokenExpiresAt.toISOString(),
      },
      200,
    );
  });

  app.openapi(targetsRoute, (c) => {
    const { policy, targets } = current();
    const { principal } = callerOf(c, current()).who;
    const access = (served: ServedTarget, breakGlass: boolean): AccessDecision =>
      policy.access(principal, served.target, undefined, breakGlass, clock.now());
    // What is open to break-glass only is listed too, as denied with its hint; anything else denied stays unknown.
    const items = [...targets.values()]
      .map((served) => ({ served, plain: access(served, false) }))
      .filter(({ served, plain }) => plain.kind !== "deny" || access(served, true).kind !== "deny")
      .map(({ served, plain }) => viewTarget(served, plain));
    return c.json({ items }, 200);
  });
}
