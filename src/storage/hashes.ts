import type { Kysely } from "kysely";
import { IhcError } from "../base/errors.ts";
import { decodeTile, hashInTile, nodeTile, type TilePlace } from "../core/audit/tile.ts";
import {
  consistencySpans,
  foldHashes,
  type Hash,
  inclusionSpans,
  type Span,
  spanNodes,
  type TreeNode,
} from "../core/audit/tree.ts";
import type { Schema } from "./schema.ts";

/** The hashes of the log's tree, computed from the tiles in the store. Tiles read once are kept for the life of the value. */
export interface TreeHashes {
  root(size: number): Promise<Hash>;
  inclusion(index: number, size: number): Promise<readonly Hash[]>;
  consistency(old: number, size: number): Promise<readonly Hash[]>;
}

export function treeHashes(db: Kysely<Schema>): TreeHashes {
  const tiles = new Map<string, Promise<readonly Hash[]>>();
  const tile = (place: TilePlace): Promise<readonly Hash[]> => {
    const name = `${place.level}/${place.number}`;
    const known = tiles.get(name) ?? readTile(db, place);
    tiles.set(name, known);
    return known;
  };
  const node = async (place: TreeNode): Promise<Hash> => {
    const { from, to, ...where } = nodeTile(place);
    const hash = hashInTile(await tile(where), from, to);
    if (!hash)
      throw new IhcError("corrupt", `the audit log's tile ${where.level}/${where.number} is too short`);
    return hash;
  };
  const span = async (branch: Span): Promise<Hash> =>
    foldHashes(await Promise.all(spanNodes(branch).map(node)));
  return {
    root: (size) => span({ start: 0, end: size }),
    inclusion: (index, size) => Promise.all(inclusionSpans(index, size).map(span)),
    consistency: (old, size) => Promise.all(consistencySpans(old, size).map(span)),
  };
}

/** One tile as it stands; empty when there is none. */
export async function readTile(db: Kysely<Schema>, { level, number }: TilePlace): Promise<readonly Hash[]> {
  const row = await db
    .selectFrom("audit_tiles")
    .select("hashes")
    .where("level", "=", level)
    .where("number", "=", number)
    .executeTakeFirst();
  return row ? decodeTile(Buffer.from(row.hashes, "base64")) : [];
}
