import { foldHashes, type Hash, hashBytes, nodeHash, type TreeNode } from "./tree.ts";

/**
 * Tiles of https://c2sp.org/tlog-tiles: a tile of level L holds up to 256 hashes of subtrees with 256^L leaves each. An entry
 * bundle holds the same 256 leaves themselves, each behind its length in two bytes, big-endian.
 */
export const tileWidth = 256;

export interface TilePlace {
  readonly level: number;
  readonly number: number;
}

/** The tile that a complete subtree's hash is computed from, and which of its hashes make it up. */
export function nodeTile({
  level,
  index,
}: TreeNode): TilePlace & { readonly from: number; readonly to: number } {
  const inside = 2 ** (level % 8);
  const first = index * inside;
  const number = Math.floor(first / tileWidth);
  const from = first - number * tileWidth;
  return { level: Math.floor(level / 8), number, from, to: from + inside };
}

/** The hash of a complete subtree from the tile that `nodeTile` names; undefined when the tile is too short. */
export function hashInTile(hashes: readonly Hash[], from: number, to: number): Hash | undefined {
  if (hashes.length < to) return undefined;
  return completeHash(hashes.slice(from, to));
}

/** The tiles at the right edge of a tree, where the next leaves go, and how many hashes each has. */
export function edgeTiles(size: number): readonly (TilePlace & { readonly width: number })[] {
  const tiles = [];
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / tileWidth)) {
    const number = Math.floor(count / tileWidth);
    tiles.push({ level, number, width: count - number * tileWidth });
  }
  return tiles;
}

/** Adds leaf hashes to a tree of `size` leaves. `edge` are its edge tiles by level; returns every tile that changed. */
export function growTiles(
  size: number,
  edge: ReadonlyMap<number, readonly Hash[]>,
  leaves: readonly Hash[],
): readonly (TilePlace & { readonly hashes: readonly Hash[] })[] {
  const open = new Map([...edge].map(([level, hashes]) => [level, [...hashes]]));
  const changed = new Map<string, TilePlace & { readonly hashes: readonly Hash[] }>();
  const add = (level: number, place: number, hash: Hash): void => {
    const hashes = open.get(level) ?? [];
    open.set(level, hashes);
    hashes.push(hash);
    const number = Math.floor(place / tileWidth);
    changed.set(`${level}/${number}`, { level, number, hashes });
    if (hashes.length < tileWidth) return;
    open.delete(level);
    add(level + 1, number, completeHash(hashes));
  };
  for (const [offset, hash] of leaves.entries()) add(0, size + offset, hash);
  return [...changed.values()];
}

/** Where a tile is served: `tile/0/x001/067`, `tile/1/000.p/12`; level `entries` for a bundle. */
export function tilePath(level: number | "entries", number: number, width: number): string {
  const digits = String(number).padStart(Math.ceil(String(number).length / 3) * 3, "0");
  const groups = digits.match(/\d{3}/g) ?? [];
  const name = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${name}${width < tileWidth ? `.p/${width}` : ""}`;
}

export function encodeTile(hashes: readonly Hash[]): Buffer {
  return Buffer.concat(hashes);
}

export function decodeTile(bytes: Buffer): readonly Hash[] {
  if (bytes.length % hashBytes !== 0 || bytes.length > tileWidth * hashBytes)
    throw new RangeError("a tile holds up to 256 hashes of 32 bytes");
  return Array.from({ length: bytes.length / hashBytes }, (_, at) =>
    bytes.subarray(at * hashBytes, (at + 1) * hashBytes),
  );
}

export function encodeBundle(leaves: readonly string[]): Buffer {
  return Buffer.concat(
    leaves.flatMap((leaf) => {
      const bytes = Buffer.from(leaf);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      return [length, bytes];
    }),
  );
}

export function decodeBundle(bytes: Buffer): readonly string[] {
  const leaves: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 2 + (at + 2 <= bytes.length ? bytes.readUInt16BE(at) : Number.POSITIVE_INFINITY);
    if (end > bytes.length) throw new RangeError("the bundle ends inside a leaf");
    leaves.push(bytes.toString("utf8", at + 2, end));
    at = end;
  }
  return leaves;
}

/** The hash of a subtree whose number of leaves is a power of two. */
function completeHash(hashes: readonly Hash[]): Hash {
  let row = hashes;
  while (row.length > 1)
    row = Array.from({ length: row.length / 2 }, (_, at) => pair(row[2 * at], row[2 * at + 1]));
  return foldHashes(row);
}

function pair(left: Hash | undefined, right: Hash | undefined): Hash {
  if (!left || !right) throw new RangeError("a complete subtree has a power of two of hashes");
  return nodeHash(left, right);
}
