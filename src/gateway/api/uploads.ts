import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import type { SessionRecord } from "../../core/access/session-record.ts";
import { chunkInput, chunkView } from "../../core/api/schema.ts";
import type { Upload } from "../../storage/client-track.ts";
import type { ChunkRecord } from "../../storage/store.ts";
import type { InForce } from "../in-force.ts";
import { limiter } from "../limits.ts";
import { actorName, type Records } from "../records.ts";
import { type App, callerOf } from "./app.ts";
import { findVisible } from "./find.ts";
import { answers, jsonBody } from "./responses.ts";
import { viewChunk } from "./views.ts";

const upload = createRoute({
  method: "post",
  path: "/v1/sessions/{id}/chunks/client/{number}",
  summary:
    "Add the next part of the client's own recording, a copy beside the gateway's; write-once, for the owner",
  request: {
    params: z.object({ id: z.string().max(32), number: z.string().regex(/^\d{1,9}$/) }),
    body: jsonBody(chunkInput),
  },
  responses: answers(chunkView, "the part as the audit log vouches for it", 201),
});

/** How long after a session's end its client may send what it had not sent, milliseconds. */
const grace = 24 * 60 * 60 * 1000;

export interface UploadParts {
  readonly records: Records;
  readonly current: () => InForce;
  readonly receive: (upload: Upload) => Promise<ChunkRecord>;
}

export function uploadRoutes(app: App, { records, current, receive }: UploadParts): void {
  const limit = limiter({ burst: 240, perSecond: 4 }, records.clock);
  app.openapi(upload, async (c) => {
    const { who, sees } = callerOf(c, current());
    const { principal } = who;
    limit(principal.person);
    const { id, number } = c.req.valid("param");
    const session = await findVisible("ses", id, records.store.sessions, sees.session);
    if (session.principal.person !== principal.person || session.principal.issuer !== principal.issuer)
      throw new IhcError("denied", "only its owner's client may add to a recording", {
        rule: "upload-by-owner",
      });
    const { previous, bytes } = c.req.valid("json");
    const chunk = await receive({
      session: session.id,
      number: Number(number),
      previous,
      packed: Buffer.from(bytes, "base64"),
      actor: actorName(principal),
      late: isLate(session, records.clock.now()),
    });
    return c.json(viewChunk(chunk), 201);
  });
}

/** Throws IhcError `conflict` when the time for it is over. */
function isLate({ state, endedAt }: SessionRecord, now: Date): boolean {
  if (state === "open") return false;
  if (endedAt && now.getTime() - endedAt.getTime() <= grace) return true;
  throw new IhcError("conflict", "the session has ended long ago, and its recording is sealed", {
    rule: "write-once",
  });
}
