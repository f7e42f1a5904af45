import { type Hash, nodeHash } from "./tree.ts";

/** Whether `proof` shows that a leaf with this hash is number `index` of the tree with that root (RFC 9162, 2.1.3.2). */
export function provesInclusion(
  leaf: Hash,
  index: number,
  size: number,
  proof: readonly Hash[],
  root: Hash,
): boolean {
  if (!isPlace(index) || !isPlace(size) || index >= size) return false;
  let place = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      hash = nodeHash(sibling, hash);
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, half(last)];
    } else hash = nodeHash(hash, sibling);
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && hash.equals(root);
}

/** Whether `proof` shows that the tree with `root` begins with the one with `oldRoot` (RFC 9162, 2.1.4.2). */
export function provesConsistency(
  old: { readonly size: number; readonly root: Hash },
  now: { readonly size: number; readonly root: Hash },
  proof: readonly Hash[],
): boolean {
  if (!isPlace(old.size) || !isPlace(now.size) || old.size > now.size) return false;
  if (old.size === now.size) return proof.length === 0 && old.root.equals(now.root);
  if (old.size === 0) return proof.length === 0;
  return climb(old, now, isPowerOfTwo(old.size) ? [old.root, ...proof] : proof);
}

function climb(
  old: { readonly size: number; readonly root: Hash },
  now: { readonly size: number; readonly root: Hash },
  [first, ...rest]: readonly Hash[],
): boolean {
  if (!first) return false;
  let place = old.size - 1;
  let last = now.size - 1;
  while (place % 2 === 1) [place, last] = [half(place), half(last)];
  let [before, after] = [first, first];
  for (const hash of rest) {
    if (last === 0) return false;
    if (place % 2 === 1 || place === last) {
      before = nodeHash(hash, before);
      after = nodeHash(hash, after);
      while (place % 2 === 0 && place !== 0) [place, last] = [place / 2, half(last)];
    } else after = nodeHash(after, hash);
    [place, last] = [half(place), half(last)];
  }
  return last === 0 && before.equals(old.root) && after.equals(now.root);
}

function half(n: number): number {
  return Math.floor(n / 2);
}

function isPlace(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

function isPowerOfTwo(n: number): boolean {
  return Number.isInteger(Math.log2(n));
}
