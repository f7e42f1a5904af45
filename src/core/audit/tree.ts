import { createHash } from "node:crypto";

/**
 * The Merkle tree of RFC 6962: a leaf is sha256(0x00 ‖ entry), a node sha256(0x01 ‖ left ‖ right), and a tree of n leaves
 * splits at the largest power of two below n. Everything here is arithmetic on places; who keeps the hashes looks them up.
 */
export type Hash = Buffer;

export const hashBytes = 32;

export function leafHash(entry: Uint8Array | string): Hash {
  return createHash("sha256").update(leafPrefix).update(entry).digest();
}

export function nodeHash(left: Hash, right: Hash): Hash {
  return createHash("sha256").update(nodePrefix).update(left).update(right).digest();
}

/** The root of a tree without leaves. */
export function emptyRoot(): Hash {
  return createHash("sha256").digest();
}

/** A complete subtree: the 2^level leaves from index · 2^level on. */
export interface TreeNode {
  readonly level: number;
  readonly index: number;
}

/** The leaves from `start` to before `end`, as a branch of a tree covers them. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** The branches whose hashes prove that leaf `index` is in the tree of `size` leaves, nearest first (RFC 6962, 2.1.1). */
export function inclusionSpans(index: number, size: number): readonly Span[] {
  if (!(index >= 0 && index < size)) throw new RangeError("the leaf is not in the tree");
  return path(index, { start: 0, end: size });
}

/** The branches whose hashes prove that the tree of `size` leaves begins with that of `old` (RFC 6962, 2.1.2). */
export function consistencySpans(old: number, size: number): readonly Span[] {
  if (!(old >= 0 && old <= size)) throw new RangeError("the older tree is the larger one");
  return old === 0 || old === size ? [] : subproof(old, { start: 0, end: size }, true);
}

/** The complete subtrees that make up a branch, largest first. */
export function spanNodes({ start, end }: Span): readonly TreeNode[] {
  const nodes: TreeNode[] = [];
  for (let from = start; from < end; ) {
    let level = 0;
    while (from % 2 ** (level + 1) === 0 && from + 2 ** (level + 1) <= end) level++;
    nodes.push({ level, index: from / 2 ** level });
    from += 2 ** level;
  }
  return nodes;
}

/** The hash of a branch from those of its complete subtrees. */
export function foldHashes(hashes: readonly Hash[]): Hash {
  const last = hashes.at(-1);
  if (!last) return emptyRoot();
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), last);
}

/** Grows a tree leaf by leaf in memory proportional to its height, for checking a whole log. */
export class GrowingTree {
  #size = 0;
  readonly #edge: Hash[] = [];

  get size(): number {
    return this.#size;
  }

  push(hash: Hash): void {
    let grown = hash;
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2) {
      const left = this.#edge.pop();
      if (left) grown = nodeHash(left, grown);
    }
    this.#edge.push(grown);
    this.#size++;
  }

  root(): Hash {
    return foldHashes(this.#edge);
  }
}

const leafPrefix = Buffer.of(0);
const nodePrefix = Buffer.of(1);

function path(index: number, span: Span): Span[] {
  if (span.end - span.start === 1) return [];
  const middle = split(span);
  return index < middle
    ? [...path(index, { start: span.start, end: middle }), { start: middle, end: span.end }]
    : [...path(index, { start: middle, end: span.end }), { start: span.start, end: middle }];
}

function subproof(old: number, span: Span, whole: boolean): Span[] {
  if (old === span.end) return whole ? [] : [span];
  const middle = split(span);
  return old <= middle
    ? [...subproof(old, { start: span.start, end: middle }, whole), { start: middle, end: span.end }]
    : [...subproof(old, { start: middle, end: span.end }, false), { start: span.start, end: middle }];
}

function split({ start, end }: Span): number {
  let half = 1;
  while (half * 2 < end - start) half *= 2;
  return start + half;
}
