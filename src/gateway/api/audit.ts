import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { z } from "zod";
import { IhcError } from "../../base/errors.ts";
import { encodeBundle, encodeTile, tilePath, tileWidth } from "../../core/audit/tile.ts";
import type { Hash } from "../../core/audit/tree.ts";
import type { AuditReader } from "../../storage/store.ts";
import type { InForce } from "../in-force.ts";
import { type App, callerOf, type Env } from "./app.ts";
import { answers, problems } from "./responses.ts";

const text = (description: string) =>
  ({ 200: { description, content: { "text/plain": { schema: z.string() } } }, ...problems }) as const;
const whole = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

const checkpoint = createRoute({
  method: "get",
  path: "/v1/audit/checkpoint",
  summary: "The newest signed checkpoint (C2SP signed note)",
  responses: text("the note"),
});
const key = createRoute({
  method: "get",
  path: "/v1/audit/key",
  summary: "The log's verifier key",
  responses: text("the key as C2SP writes it"),
});
const entries = createRoute({
  method: "get",
  path: "/v1/audit/entries",
  summary: "Leaves of the log, the exact texts that were hashed; for auditors",
  request: { query: z.strictObject({ from: whole.optional(), to: whole.optional() }) },
  responses: answers(
    z.object({ size: z.int(), from: z.int(), leaves: z.array(z.string()) }),
    "up to 256 leaves",
  ),
});
const proof = createRoute({
  method: "get",
  path: "/v1/audit/proof",
  summary: "An inclusion proof (index, size) or a consistency proof (old, size); for auditors",
  request: {
    query: z.strictObject({ index: whole.optional(), old: whole.optional(), size: whole.optional() }),
  },
  responses: answers(
    z.object({ size: z.int(), hashes: z.array(z.string()) }),
    "hashes in base64, leaf to root",
  ),
});

/** The Merkle tree behind the log. */
export interface LogTree {
  inclusion(index: number, size: number): Promise<readonly Hash[]>;
  consistency(old: number, size: number): Promise<readonly Hash[]>;
  tile(level: number, number: number): Promise<readonly Hash[]>;
}

export interface AuditParts {
  readonly current: () => InForce;
  readonly audit: AuditReader;
  readonly logKey: string;
  readonly tree: () => LogTree;
  /** Resolves when what happened before the call is in the log. */
  readonly flushed: () => Promise<void>;
}

/** The transparency log: checkpoint and key for everyone who may log in, what it says for auditors. */
export function auditRoutes(app: App, parts: AuditParts): void {
  const { audit, current } = parts;
  const auditorsOnly = (c: Context<Env>): void => {
    if (!callerOf(c, current()).sees.auditor)
      throw new IhcError("denied", "the audit log is for auditors", { rule: "auditors-only" });
  };

  app.openapi(checkpoint, async (c) => {
    await parts.flushed();
    const note = await audit.checkpoint();
    if (note === undefined) throw new IhcError("not-found", "the log is empty");
    return c.text(note, 200);
  });

  app.openapi(key, (c) => c.text(`${parts.logKey}\n`, 200));

  app.openapi(entries, async (c) => {
    auditorsOnly(c);
    await parts.flushed();
    const size = await audit.size();
    const { from = 0, to = size } = c.req.valid("query");
    const leaves = from < size ? await audit.leaves(from, Math.min(to, size, from + tileWidth)) : [];
    return c.json({ size, from, leaves: [...leaves] }, 200);
  });

  app.openapi(proof, async (c) => {
    auditorsOnly(c);
    const newest = await audit.size();
    const { index, old, size = newest } = c.req.valid("query");
    if (
      size > newest ||
      (index === undefined) === (old === undefined) ||
      (index ?? 0) >= size ||
      (old ?? 0) > size
    )
      throw new IhcError("invalid", "no such proof", { hint: "give index or old, below the log's size" });
    const hashes = await (index === undefined
      ? parts.tree().consistency(old ?? 0, size)
      : parts.tree().inclusion(index, size));
    return c.json({ size, hashes: hashes.map((hash) => hash.toString("base64")) }, 200);
  });

  app.get("/v1/audit/tile/*", async (c) => {
    auditorsOnly(c);
    const tile = parseTile(c.req.path.slice("/v1/audit/".length));
    if (!tile) throw new IhcError("not-found", "no such tile");
    const bytes = await tileBytes(parts, tile);
    return c.body(new Uint8Array(bytes), 200, { "content-type": "application/octet-stream" });
  });
}

interface Tile {
  readonly level: number | "entries";
  readonly number: number;
  readonly width: number;
}

/** Reads a path of https://c2sp.org/tlog-tiles; undefined unless it is spelled the one way that tilePath writes it. */
export function parseTile(path: string): Tile | undefined {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (!match) return undefined;
  const [, level = "", digits = "", width] = match;
  const tile: Tile = {
    level: level === "entries" ? "entries" : Number(level),
    number: Number(digits.replaceAll(/[x/]/g, "")),
    width: width === undefined ? tileWidth : Number(width),
  };
  return tilePath(tile.level, tile.number, tile.width) === path && tile.width > 0 ? tile : undefined;
}

async function tileBytes({ audit, tree }: AuditParts, { level, number, width }: Tile): Promise<Buffer> {
  if (level === "entries") {
    const from = number * tileWidth;
    const leaves = from < (await audit.size()) ? await audit.leaves(from, from + width) : [];
    if (leaves.length < width) throw new IhcError("not-found", "no such tile");
    return encodeBundle(leaves);
  }
  const hashes = await tree().tile(level, number);
  if (hashes.length < width) throw new IhcError("not-found", "no such tile");
  return encodeTile(hashes.slice(0, width));
}
