import assert from "node:assert/strict";
import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { type LogKey, openCheckpoint } from "../../src/core/audit/checkpoint.ts";
import { parseLeaf } from "../../src/core/audit/leaf.ts";
import { provesConsistency, provesInclusion } from "../../src/core/audit/proof.ts";
import { GrowingTree, leafHash } from "../../src/core/audit/tree.ts";
import { treeHashes } from "../../src/storage/hashes.ts";
import { openLogKey } from "../../src/storage/log-key.ts";
import { type OpenStore, openStore, type StoreLocation } from "../../src/storage/open.ts";
import { startSequencer } from "../../src/storage/sequencer.ts";
import { noon } from "../support/records.ts";
import { type StorePlaces, storePlaces } from "../support/stores.ts";

let places: StorePlaces;
before(async () => {
  places = await storePlaces();
});
after(() => places.stop());

const numberOf = (leaf: string) => {
  const { number } = parseLeaf(leaf).entry.detail;
  return number;
};
const entry = (number: number) => ({ kind: "test", at: noon, actor: "ana", detail: { number } });

for (const dialect of ["sqlite", "postgres"] as const)
  describe(`the audit log on ${dialect}`, { timeout: 90_000 }, () => {
    let location: StoreLocation;
    let folder: string;
    let store: OpenStore;
    let key: LogKey;
    before(async () => {
      location = await places.fresh(dialect);
      folder = places.folder();
      key = await openLogKey(folder, "ihc.example");
      store = await openStore(location, systemClock, key);
    });
    after(() => store.close());

    const verified = async () => {
      const note = await store.audit.checkpoint();
      assert.ok(note);
      const checkpoint = openCheckpoint(note, key.verifier);
      const leaves = await store.audit.leaves(0, checkpoint.size);
      const tree = new GrowingTree();
      for (const leaf of leaves) tree.push(leafHash(leaf));
      assert.ok(tree.root().equals(checkpoint.root));
      return { checkpoint, leaves };
    };

    test("what is queued gets its place in order, under a signed checkpoint", async () => {
      const sequencer = await startSequencer({ store, key });
      for (let number = 0; number < 20; number++) await store.enqueue(entry(number));
      await sequencer.flush();
      const { leaves } = await verified();
      assert.deepEqual(
        leaves.map((leaf) => parseLeaf(leaf).index),
        [...leaves.keys()],
      );
      assert.deepEqual(
        leaves.map((leaf) => parseLeaf(leaf).entry.detail),
        [...leaves.keys()].map((number) => ({ number })),
      );
      assert.equal(await store.audit.pending(), 0);
      await sequencer.stop();
    });

    test("gateways that append at once make one log without a fork or a loss", async () => {
      const more = () => openStore(location, systemClock, key);
      const stores = [store, await more(), await more()];
      const sequencers = await Promise.all(
        stores.map((each) => startSequencer({ store: each, key, interval: 5 })),
      );
      const old = await verified();
      await Promise.all(
        stores.map(async (each, at) => {
          for (let number = 0; number < 100; number++) await each.enqueue(entry(1000 * (at + 1) + number));
        }),
      );
      await Promise.all(sequencers.map((sequencer) => sequencer.flush()));
      const { checkpoint, leaves } = await verified();
      const numbers = leaves.map((leaf) => Number(numberOf(leaf)));
      assert.equal(numbers.length, 320);
      assert.equal(new Set(numbers).size, 320);
      for (const at of [1, 2, 3]) {
        const own = numbers.filter((number) => Math.floor(number / 1000) === at);
        assert.deepEqual(
          own,
          [...own].sort((a, b) => a - b),
        );
      }
      const hashes = treeHashes(store.database.db);
      const proof = await hashes.consistency(old.checkpoint.size, checkpoint.size);
      assert.ok(provesConsistency(old.checkpoint, checkpoint, proof));
      for (const index of [0, 19, 255, 256, 319]) {
        const path = await hashes.inclusion(index, checkpoint.size);
        assert.ok(
          provesInclusion(leafHash(leaves[index] ?? ""), index, checkpoint.size, path, checkpoint.root),
        );
      }
      await Promise.all(sequencers.map((sequencer) => sequencer.stop()));
      await Promise.all(stores.slice(1).map((each) => each.close()));
    });

    test("an entry that somebody put into the queue is not signed as one, but reported", async () => {
      const { db } = store.database;
      const forged = JSON.stringify({ kind: "grant.issued", at: noon, actor: "lee", detail: { grant: "x" } });
      await db.insertInto("audit_queue").values({ body: forged, mac: "" }).execute();
      await store.enqueue(entry(7));
      const sequencer = await startSequencer({ store, key });
      await sequencer.stop();
      const { leaves } = await verified();
      const [reported, after] = leaves.slice(-2).map((leaf) => parseLeaf(leaf).entry);
      assert.equal(reported?.kind, "alert.forged-entry");
      assert.equal(reported?.detail["queued"], forged);
      assert.deepEqual(after?.detail, { number: 7 });
    });

    test("a gateway with another key does not append", async () => {
      const other = await openLogKey(places.folder(), "ihc.example");
      await assert.rejects(startSequencer({ store, key: other }), { code: "config" });
    });

    test("entries whose time runs backwards keep the order of their places", async () => {
      const sequencer = await startSequencer({ store, key });
      const from = await store.audit.size();
      await store.enqueue({ ...entry(1), at: new Date("2030-01-01T00:00:00Z") });
      await store.enqueue({ ...entry(2), at: new Date("2020-01-01T00:00:00Z") });
      await sequencer.flush();
      const last = (await verified()).leaves.slice(from).map((leaf) => numberOf(leaf));
      assert.deepEqual(last, [1, 2]);
      await sequencer.stop();
    });

    test("a log that cannot be written rejects the flush and tells why, until it can", async () => {
      const witness = join(places.folder(), "gone", "witness");
      await assert.rejects(startSequencer({ store, key, witness }), { code: "storage" });
      const sequencer = await startSequencer({ store, key, interval: 60_000 });
      await store.database.db.schema.alterTable("audit_tiles").renameTo("elsewhere").execute();
      await store.enqueue(entry(1));
      await assert.rejects(sequencer.flush(), { code: "storage" });
      assert.equal(sequencer.problem()?.code, "storage");
      await store.database.db.schema
        .alterTable("elsewhere" as "audit_tiles")
        .renameTo("audit_tiles")
        .execute();
      await sequencer.flush();
      assert.equal(sequencer.problem(), undefined);
      await verified();
      await sequencer.stop();
    });

    test("the witness gets every checkpoint, and shows a log that has lost its end", async () => {
      const witness = join(places.folder(), "witness");
      const sequencer = await startSequencer({ store, key, witness });
      await store.enqueue(entry(1));
      await sequencer.flush();
      await store.enqueue(entry(2));
      await sequencer.flush();
      await sequencer.stop();
      assert.equal(statSync(witness).mode & 0o777, 0o600);
      const seen = readFileSync(witness, "utf8");
      assert.ok(seen.endsWith(`${await store.audit.checkpoint()}\n`));
      await (await startSequencer({ store, key, witness })).stop();

      const size = await store.audit.size();
      const grown = await verified();
      writeFileSync(witness, seen.replaceAll(`\n${size}\n`, `\n${size + 5}\n`));
      await assert.rejects(startSequencer({ store, key, witness }), { code: "corrupt" });
      writeFileSync(witness, seen);
      // An administrator takes away the last entry and leaves everything else as it was.
      await store.database.db
        .deleteFrom("audit_leaves")
        .where("idx", "=", size - 1)
        .execute();
      await assert.rejects(startSequencer({ store, key }), { code: "corrupt" });
      await store.database.db
        .insertInto("audit_leaves")
        .values({ idx: size - 1, leaf: grown.leaves.at(-1) ?? "" })
        .execute();
      await (await startSequencer({ store, key, witness })).stop();
    });

    test("an old database put back is noticed against the witness", async () => {
      const witness = join(places.folder(), "witness");
      const { db } = store.database;
      const tables = ["audit_leaves", "audit_tiles", "audit_head"] as const;
      const backup = await Promise.all(tables.map((table) => db.selectFrom(table).selectAll().execute()));
      const sequencer = await startSequencer({ store, key, witness });
      await store.enqueue(entry(1));
      await sequencer.flush();
      await sequencer.stop();
      for (const table of tables) await db.deleteFrom(table).execute();
      for (const [at, table] of tables.entries())
        for (const row of backup[at] ?? [])
          await db
            .insertInto(table)
            .values(row as never)
            .execute();
      await assert.rejects(startSequencer({ store, key, witness }), { code: "corrupt" });
      await (await startSequencer({ store, key })).stop();
    });
  });

test("the log key is made once, 0600, and one that others can read is refused", async () => {
  const folder = places.folder();
  const [one, two] = await Promise.all([openLogKey(folder, "a"), openLogKey(folder, "a")]);
  assert.equal(one.verifier, two.verifier);
  assert.equal((await openLogKey(folder, "other")).verifier, one.verifier);
  const file = join(folder, "log.key");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  chmodSync(file, 0o640);
  await assert.rejects(openLogKey(folder), { code: "config" });
  chmodSync(file, 0o600);
  writeFileSync(file, readFileSync(file, "utf8").replace("+a+", "+b+"));
  await assert.rejects(openLogKey(folder), { code: "config" });
});
