import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { openCheckpoint, parseLogKey, signCheckpoint } from "../../../src/core/audit/checkpoint.ts";
import { provesConsistency, provesInclusion } from "../../../src/core/audit/proof.ts";
import {
  decodeTile,
  edgeTiles,
  encodeTile,
  growTiles,
  hashInTile,
  nodeTile,
  tileWidth,
} from "../../../src/core/audit/tile.ts";
import {
  consistencySpans,
  emptyRoot,
  foldHashes,
  GrowingTree,
  type Hash,
  inclusionSpans,
  leafHash,
  type Span,
  spanNodes,
} from "../../../src/core/audit/tree.ts";

interface Vectors {
  readonly roots: Readonly<Record<string, string>>;
  readonly inclusion: readonly GoProof[];
  readonly consistency: readonly GoProof[];
  readonly tiles: Readonly<Record<string, string>>;
  readonly signer: string;
  readonly verifier: string;
  readonly checkpoint: string;
}

interface GoProof {
  readonly index: number;
  readonly size: number;
  readonly proof: readonly string[];
}

const go: Vectors = JSON.parse(readFileSync(new URL("go-sumdb.json", import.meta.url), "utf8"));

/** Hashes of any tree, from tiles that grow in batches as they do in the store. */
function grown(leaves: readonly Hash[], batch: number) {
  const tiles = new Map<string, readonly Hash[]>();
  for (let size = 0; size < leaves.length; size += batch) {
    const edge = new Map(
      edgeTiles(size).map(({ level, number, width }) => {
        const hashes = tiles.get(`${level}/${number}`) ?? [];
        assert.equal(hashes.length, width);
        return [level, hashes];
      }),
    );
    for (const { level, number, hashes } of growTiles(size, edge, leaves.slice(size, size + batch)))
      tiles.set(`${level}/${number}`, [...hashes]);
  }
  const span = (branch: Span): Hash =>
    foldHashes(
      spanNodes(branch).map((node) => {
        const { level, number, from, to } = nodeTile(node);
        const hash = hashInTile(tiles.get(`${level}/${number}`) ?? [], from, to);
        assert.ok(hash);
        return hash;
      }),
    );
  return { tiles, span, root: (size: number) => span({ start: 0, end: size }) };
}

const goLeaves = Array.from({ length: 600 }, (_, at) => leafHash(`entry ${at}`));

test("the empty tree and RFC 6962's eight known leaves have their known roots", () => {
  assert.equal(
    emptyRoot().toString("hex"),
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  );
  const leaves = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
  ];
  const roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ];
  const tree = new GrowingTree();
  for (const [at, leaf] of leaves.entries()) {
    tree.push(leafHash(Buffer.from(leaf, "hex")));
    assert.equal(tree.root().toString("hex"), roots[at]);
  }
});

test("roots, proofs and tiles are those of Go's sumdb", () => {
  const { tiles, span, root } = grown(goLeaves, 37);
  for (const [size, hex] of Object.entries(go.roots))
    assert.equal(root(Number(size)).toString("hex"), hex, size);
  for (const { index, size, proof } of go.inclusion)
    assert.deepEqual(
      inclusionSpans(index, size).map((branch) => span(branch).toString("hex")),
      proof,
    );
  for (const { index, size, proof } of go.consistency)
    assert.deepEqual(
      consistencySpans(index, size).map((branch) => span(branch).toString("hex")),
      proof,
    );
  for (const [name, data] of Object.entries(go.tiles)) {
    const [level, number, width] = name.split("/");
    const hashes = tiles.get(`${level}/${number}`) ?? [];
    assert.equal(hashes.length, Number(width));
    assert.equal(encodeTile(hashes).toString("base64"), data);
    assert.deepEqual(decodeTile(Buffer.from(data, "base64")), hashes);
  }
});

test("Go's proofs hold here, and with any hash changed they do not", () => {
  for (const { index, size, proof } of go.inclusion) {
    const hashes: readonly Hash[] = proof.map((hex) => Buffer.from(hex, "hex"));
    const root = Buffer.from(go.roots[size] ?? "", "hex");
    const leaf = leafHash(`entry ${index}`);
    assert.ok(provesInclusion(leaf, index, size, hashes, root));
    assert.ok(!provesInclusion(leafHash("another"), index, size, hashes, root));
    assert.ok(!provesInclusion(leaf, index, size, [...hashes, leaf], root));
    for (const at of hashes.keys())
      assert.ok(!provesInclusion(leaf, index, size, hashes.with(at, leaf), root));
    if (size > 1) assert.ok(!provesInclusion(leaf, (index + 1) % size, size, hashes, root));
  }
  for (const { index, size, proof } of go.consistency) {
    const hashes: readonly Hash[] = proof.map((hex) => Buffer.from(hex, "hex"));
    const old = { size: index, root: Buffer.from(go.roots[index] ?? "", "hex") };
    const now = { size, root: Buffer.from(go.roots[size] ?? "", "hex") };
    assert.ok(provesConsistency(old, now, hashes), `${index} ${size}`);
    assert.ok(!provesConsistency({ ...old, root: leafHash("x") }, now, hashes));
    assert.ok(!provesConsistency(old, { ...now, root: leafHash("x") }, hashes));
    for (const at of hashes.keys()) assert.ok(!provesConsistency(old, now, hashes.with(at, leafHash("x"))));
  }
});

test("Go's signed note opens here, and signing it here gives the same bytes", () => {
  const key = parseLogKey(go.signer);
  assert.equal(key.verifier, go.verifier);
  const checkpoint = openCheckpoint(go.checkpoint, go.verifier);
  assert.deepEqual([checkpoint.origin, checkpoint.size], ["ihc.example", 600]);
  assert.equal(checkpoint.root.toString("hex"), go.roots["600"]);
  assert.equal(signCheckpoint(checkpoint, key), go.checkpoint);
});

test("a checkpoint with any character changed does not open", () => {
  for (let at = 0; at < go.checkpoint.length; at++) {
    const character = go.checkpoint[at] === "1" ? "2" : "1";
    const changed = go.checkpoint.slice(0, at) + character + go.checkpoint.slice(at + 1);
    assert.throws(() => openCheckpoint(changed, go.verifier), { code: "corrupt" }, `at ${at}`);
    assert.throws(
      () => openCheckpoint(go.checkpoint.slice(0, at), go.verifier),
      { code: "corrupt" },
      `cut ${at}`,
    );
  }
  for (let at = 0; at < go.verifier.length; at++)
    assert.throws(() => openCheckpoint(go.checkpoint, go.verifier.slice(0, at)), { code: "invalid" });
});

test("for trees of any size, grown in any steps, every proof holds and the two ways to the root agree", () => {
  const sizes = fc.integer({ min: 1, max: 1200 });
  const property = fc.property(
    sizes,
    fc.nat(),
    fc.nat(),
    fc.integer({ min: 1, max: 700 }),
    (size, a, b, batch) => {
      const leaves = Array.from({ length: size }, (_, at) => leafHash(`${at}`));
      const { span, root } = grown(leaves, batch);
      const tree = new GrowingTree();
      for (const leaf of leaves) tree.push(leaf);
      assert.ok(tree.root().equals(root(size)));
      const [index, old] = [a % size, b % (size + 1)];
      const inclusion = inclusionSpans(index, size).map(span);
      assert.ok(provesInclusion(leaves[index] ?? emptyRoot(), index, size, inclusion, root(size)));
      const consistency = consistencySpans(old, size).map(span);
      const [before, now] = [
        { size: old, root: root(old) },
        { size, root: root(size) },
      ];
      assert.ok(provesConsistency(before, now, consistency));
      if (old > 0 && old < size)
        assert.ok(!provesConsistency({ ...before, root: leafHash("x") }, now, consistency));
    },
  );
  fc.assert(property, { numRuns: 60 });
});

test("a tile that is too short gives no hash instead of a wrong one", () => {
  const hashes = goLeaves.slice(0, tileWidth - 1);
  assert.equal(hashInTile(hashes, 0, tileWidth), undefined);
  assert.throws(() => decodeTile(Buffer.alloc(33)), RangeError);
  assert.throws(() => inclusionSpans(5, 5), RangeError);
  assert.throws(() => consistencySpans(6, 5), RangeError);
});
