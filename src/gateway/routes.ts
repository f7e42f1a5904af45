import { bodyLimit } from "hono/body-limit";
import { IhcError } from "../base/errors.ts";
import { type App, newApp } from "./api/app.ts";
import { type AuditParts, auditRoutes } from "./api/audit.ts";
import { type GrantParts, grantRoutes } from "./api/grants.ts";
import { type HealthParts, healthRoutes } from "./api/health.ts";
import { discoveryRoutes, type IdentityParts, identityRoutes } from "./api/identity.ts";
import { problemResponse } from "./api/problem.ts";
import { type RecordingParts, recordingRoutes } from "./api/recordings.ts";
import { type RequestParts, requestRoutes } from "./api/requests.ts";
import { PreconditionRequired } from "./api/responses.ts";
import { type SessionRouteParts, sessionRoutes } from "./api/sessions.ts";
import { type UploadParts, uploadRoutes } from "./api/uploads.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import { limiter } from "./limits.ts";
import { errorFields, type Log } from "./log.ts";
import { checkStrictJson } from "./strict-json.ts";

export interface RouteParts
  extends RequestParts,
    GrantParts,
    SessionRouteParts,
    IdentityParts,
    RecordingParts,
    UploadParts,
    AuditParts,
    HealthParts {
  readonly gatekeeper: Gatekeeper;
  readonly log: Log;
  readonly version: string;
  /** Bytes. */
  readonly bodyLimit: number;
}

/** The control API. Order: open routes, then identity for everything under /v1, then bodies, then the routes. */
export function controlApi(input: Omit<RouteParts, "limitChanges">): App {
  const parts: RouteParts = { ...input, limitChanges: limiter({ burst: 120, perSecond: 1 }, input.clock) };
  const app = newApp();
  app.onError((error, c) => answerError(error, c.get("requestId"), parts.log));
  app.notFound((c) => problemResponse(new IhcError("not-found", "no such resource"), c.get("requestId")));

  healthRoutes(app, parts);
  discoveryRoutes(app, parts);

  app.use("/v1/*", async (c, next) => {
    c.set("who", await parts.gatekeeper.identify(c.env.incoming));
    await next();
  });
  app.use("/v1/*", async (c, next) => {
    if (!methods.has(c.req.method))
      return problemResponse(
        new IhcError("invalid", `nothing here takes ${c.req.method}`),
        c.get("requestId"),
        405,
      );
    await next();
    return undefined;
  });
  app.use(
    "/v1/*",
    bodyLimit({
      maxSize: parts.bodyLimit,
      onError: () => {
        throw new IhcError("too-large", "the body is too large");
      },
    }),
  );
  app.use("/v1/*", async (c, next) => {
    if (c.req.method === "POST") {
      const type = c.req.header("content-type") ?? "";
      if (!/^application\/json(?:; ?charset=utf-8)?$/i.test(type))
        return problemResponse(
          new IhcError("invalid", "the body must be application/json"),
          c.get("requestId"),
          415,
        );
      checkStrictJson(await c.req.text());
    }
    await next();
    return undefined;
  });

  identityRoutes(app, parts);
  requestRoutes(app, parts);
  grantRoutes(app, parts);
  sessionRoutes(app, parts);
  recordingRoutes(app, parts);
  uploadRoutes(app, parts);
  auditRoutes(app, parts);
  app.doc31("/openapi.json", openApiInfo(parts.version));
  return app;
}

/** Of all routes; a body of any other method is not even read. */
const methods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST"]);

export function openApiInfo(version: string) {
  return {
    openapi: "3.1.0",
    info: { title: "ihc control API", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
  };
}

function answerError(error: unknown, requestId: string, log: Log): Response {
  if (error instanceof PreconditionRequired) return problemResponse(error.problem, requestId, 428);
  if (!(error instanceof IhcError) || error.code === "internal" || error.code === "storage")
    log.error({ request: requestId, err: errorFields(error) }, "a request failed");
  return problemResponse(error, requestId);
}
