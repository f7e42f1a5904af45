import { ReadableStream } from "node:stream/web";
import { createRoute } from "@hono/zod-openapi";
import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import type { SessionId } from "../../base/ids.ts";
import type { SessionRecord } from "../../core/access/session-record.ts";
import { chunkView, page } from "../../core/api/schema.ts";
import type { Evidence } from "../../core/audit/evidence.ts";
import type { Recorded } from "../../core/journal/event.ts";
import type { ChunkRecord } from "../../storage/store.ts";
import type { Verified } from "../identity/verify.ts";
import type { InForce } from "../in-force.ts";
import { actorName, type Records } from "../records.ts";
import { type App, callerOf } from "./app.ts";
import { findVisible } from "./find.ts";
import { answers, problems } from "./responses.ts";
import { viewChunk } from "./views.ts";

const id = z.object({ id: z.string().max(32) });
const fromQuery = z.strictObject({ from: z.coerce.number().int().min(0).optional() });
const journalQuery = fromQuery.extend({ track: z.enum(["gateway", "client"]).optional() });
const lines = {
  200: {
    description:
      "one JSON object a line: `seq`, `at` and `event`; bytes (rows, terminal output) are base64 in `data`",
    content: { "application/x-ndjson": { schema: z.string() } },
  },
  ...problems,
} as const;

const journal = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/journal",
  summary: "The recording as masked events, the gateway's or the client's copy; reading it is itself audited",
  request: { params: id, query: journalQuery },
  responses: lines,
});
const events = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/events",
  summary: "As journal, and goes on with what happens until the session ends",
  request: { params: id, query: fromQuery },
  responses: lines,
});
const chunks = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/chunks",
  summary: "The sealed chunks of a recording, as the audit log vouches for them",
  request: { params: id },
  responses: answers(page(chunkView), "the chunks in order"),
});
const chunk = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/chunks/{track}/{number}",
  summary: "One sealed chunk as it lies on the disk: zstd, and encrypted where auditors' keys are configured",
  request: {
    params: z.object({
      id: z.string().max(32),
      track: z.enum(["gateway", "client"]),
      number: z.string().regex(/^\d{1,9}$/),
    }),
  },
  responses: {
    200: { description: "the bytes", content: { "application/octet-stream": { schema: z.string() } } },
    ...problems,
  },
});

const evidence = createRoute({
  method: "get",
  path: "/v1/sessions/{id}/evidence",
  summary:
    "All that proves what a session did and who let it, in one file that is checked offline; for auditors",
  request: { params: id },
  responses: answers(z.looseObject({ format: z.literal("ihc-evidence-1") }), "the bundle"),
});

/** What of the journals a replay needs. */
export interface RecordingReader {
  read(session: SessionId, from?: number): AsyncIterable<Recorded>;
  readClient(session: SessionId, from?: number): AsyncIterable<Recorded>;
  chunk(chunk: ChunkRecord): Promise<Buffer | undefined>;
}

export interface RecordingParts {
  readonly records: Records;
  readonly current: () => InForce;
  readonly journals: RecordingReader;
  /** Gathers a session's evidence, after everything queued has its place in the log. */
  readonly evidence: (session: SessionId) => Promise<Evidence>;
}

/** How long a follower sleeps when nothing has happened, milliseconds. */
const nap = 500;

export function recordingRoutes(app: App, parts: RecordingParts): void {
  const { records, current, journals } = parts;
  const { store } = records;
  const { openAPIRegistry: registry } = app;
  registry.registerPath(journal);
  app.get("/v1/sessions/:id/journal", async (c) => {
    const { who, sees } = callerOf(c, current());
    const session = await findVisible("ses", c.req.param("id"), store.sessions, sees.session);
    const { from, track = "gateway" } = parsedQuery(journalQuery, c.req.query());
    await replayed(records, who, session, track === "gateway" ? "journal" : "client journal");
    const events =
      track === "gateway" ? journals.read(session.id, from) : journals.readClient(session.id, from);
    return c.body(await ndjson(events), 200, { "content-type": "application/x-ndjson" });
  });

  registry.registerPath(events);
  app.get("/v1/sessions/:id/events", async (c) => {
    const { who, sees } = callerOf(c, current());
    const session = await findVisible("ses", c.req.param("id"), store.sessions, sees.session);
    const { from } = parsedQuery(fromQuery, c.req.query());
    await replayed(records, who, session, "events");
    const events = followed(records, journals, session.id, from, c.req.raw.signal, who.tokenExpiresAt);
    return c.body(await ndjson(events), 200, { "content-type": "application/x-ndjson" });
  });

  app.openapi(chunks, async (c) => {
    const { sees } = callerOf(c, current());
    const session = await findVisible("ses", c.req.valid("param").id, store.sessions, sees.session);
    const items = (await store.chunks.list(session.id)).map(viewChunk);
    return c.json({ items }, 200);
  });

  registry.registerPath(evidence);
  app.get("/v1/sessions/:id/evidence", async (c) => {
    const { who, sees } = callerOf(c, current());
    const session = await findVisible("ses", c.req.param("id"), store.sessions, sees.session);
    if (!sees.auditor) throw new IhcError("denied", "evidence is for auditors", { rule: "auditors-only" });
    await replayed(records, who, session, "evidence");
    return c.json(await parts.evidence(session.id), 200);
  });

  app.openapi(chunk, async (c) => {
    const { who, sees } = callerOf(c, current());
    const { id: text, track, number } = c.req.valid("param");
    const session = await findVisible("ses", text, store.sessions, sees.session);
    const rows = await store.chunks.list(session.id);
    const row = rows.find((r) => r.track === track && r.number === Number(number));
    const bytes = row && (await journals.chunk(row));
    if (!bytes) throw new IhcError("not-found", "no such chunk");
    await replayed(records, who, session, `chunk ${track}/${number}`);
    return c.body(new Uint8Array(bytes), 200, { "content-type": "application/octet-stream" });
  });
}

function parsedQuery<T extends z.ZodType>(schema: T, query: Record<string, string>): z.output<T> {
  const parsed = schema.safeParse(query);
  if (!parsed.success)
    throw new IhcError("invalid", "from is the number of an event, track is gateway or client");
  return parsed.data;
}

/** On record before the first byte leaves: no entry, no replay. */
async function replayed(
  records: Records,
  { principal }: Verified,
  session: SessionRecord,
  what: string,
): Promise<void> {
  await records.store.enqueue({
    kind: "session.replayed",
    at: records.clock.now(),
    actor: actorName(principal),
    detail: { session: session.id, reader: principal.person, owner: session.principal.person, what },
  });
}

async function* followed(
  { store, notify, clock }: Records,
  journals: RecordingReader,
  session: SessionId,
  from: number | undefined,
  signal: AbortSignal,
  until: Date,
): AsyncIterable<Recorded> {
  let next = from ?? 0;
  // Nobody goes on reading on a token that has ended.
  while (!signal.aborted && clock.now() < until) {
    const before = next;
    // Looked at first: what is written before the session ends is read below.
    const ended = (await store.sessions.get(session))?.state !== "open";
    for await (const recorded of journals.read(session, next)) {
      next = recorded.seq + 1;
      yield recorded;
    }
    if (ended) return;
    if (next === before) await notify.next(session, nap, signal);
  }
}

/** The first event is read before the answer begins, so that an unreadable recording is a problem and not half an answer. */
async function ndjson(events: AsyncIterable<Recorded>): Promise<globalThis.ReadableStream> {
  const iterator = events[Symbol.asyncIterator]();
  const first = await iterator.next();
  async function* lines(): AsyncGenerator<Uint8Array> {
    try {
      for (let step = first; step.done !== true; step = await iterator.next())
        yield Buffer.from(line(step.value));
    } finally {
      await iterator.return?.();
    }
  }
  return ReadableStream.from(lines()) as globalThis.ReadableStream;
}

function line({ seq, at, event }: Recorded): string {
  const plain = "data" in event ? { ...event, data: Buffer.from(event.data).toString("base64") } : event;
  return `${JSON.stringify({ seq, at: at.toISOString(), event: plain })}\n`;
}
