import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { systemClock } from "../../src/base/clock.ts";
import { newId, type SessionId } from "../../src/base/ids.ts";
import type { LogKey } from "../../src/core/audit/checkpoint.ts";
import { type Evidence, verifyEvidence } from "../../src/core/audit/evidence.ts";
import { type LogExport, verifyLog } from "../../src/core/audit/verify.ts";
import { buildEvidence } from "../../src/storage/evidence.ts";
import { exportLog } from "../../src/storage/export.ts";
import { type Journals, openJournals } from "../../src/storage/journals.ts";
import { openLogKey } from "../../src/storage/log-key.ts";
import { type OpenStore, openStore } from "../../src/storage/open.ts";
import { type Sequencer, startSequencer } from "../../src/storage/sequencer.ts";
import { verifyStore } from "../../src/storage/verify.ts";
import { accessRequest, grant, later, noon, sessionRecord } from "../support/records.ts";
import { type StorePlaces, storePlaces } from "../support/stores.ts";

let places: StorePlaces;
before(async () => {
  places = await storePlaces();
});
after(() => places.stop());

for (const dialect of ["sqlite", "postgres"] as const)
  describe(`evidence on ${dialect}`, { timeout: 120_000 }, () => {
    let store: OpenStore;
    let journals: Journals;
    let folder: string;
    let key: LogKey;
    let sequencer: Sequencer;
    let session: SessionId;
    let evidence: Evidence;
    let old: string;

    before(async () => {
      folder = places.folder();
      key = await openLogKey(folder, "ihc.example");
      store = await openStore(await places.fresh(dialect), systemClock, key);
      journals = await openJournals({
        folder,
        store,
        clock: systemClock,
        freeSpaceFloor: 0,
        chunkBytes: 200,
      });
      sequencer = await startSequencer({ store, key, interval: 60_000 });
      await aSession();
      await sequencer.flush();
      old = (await store.audit.checkpoint()) ?? "";
      session = await aSession();
      await sequencer.flush();
      evidence = await buildEvidence(store, journals, key.verifier, session);
    });
    after(async () => {
      await sequencer.stop();
      journals.close();
      await store.close();
    });

    /** Request, approval, grant, session, recording, end: what a gateway would do. */
    async function aSession(): Promise<SessionId> {
      const id = newId("ses");
      const request = accessRequest();
      const granted = grant({ request: request.id });
      const record = sessionRecord({ id, grant: granted.id });
      const say = (kind: string, detail: Record<string, string>) => ({
        kind,
        at: noon,
        actor: "ana",
        detail,
      });
      await store.atomically(async (tables) => {
        await tables.requests.insert(request);
        await tables.enqueue(say("request.created", { request: request.id }));
      });
      await store.atomically(async (tables) => {
        await tables.requests.replace({ ...request, version: 2, state: "approved", grant: granted.id });
        await tables.grants.insert(granted);
        await tables.enqueue(say("request.approved", { request: request.id, grant: granted.id }));
      });
      await store.atomically(async (tables) => {
        await tables.sessions.insert(record);
        await tables.enqueue(say("session.opened", { session: id }));
      });
      const writer = await journals.open(id);
      for (let at = 0; at < 6; at++) await writer.append({ type: "note", text: `event ${at}` }, "durable");
      await store.enqueue(say("operation.denied", { session: id, text: "delete from orders" }));
      await writer.close("done");
      await store.sessions.replace({
        ...record,
        version: 2,
        state: "ended",
        endedAt: later(1),
        endReason: "done",
      });
      return id;
    }

    test("a bundle holds by itself and under the key of the log", () => {
      assert.deepEqual(verifyEvidence(JSON.parse(JSON.stringify(evidence)), key.verifier), []);
      assert.deepEqual(verifyEvidence(evidence), []);
      const tables = evidence.rows.map(({ table }) => table);
      assert.deepEqual([...new Set(tables)].sort(), ["chunks", "grants", "requests", "sessions"]);
      const kinds = evidence.entries.map(({ leaf }) => JSON.parse(leaf).kind);
      for (const kind of [
        "request.created",
        "request.approved",
        "session.opened",
        "operation.denied",
        "journal.sealed",
      ])
        assert.ok(kinds.includes(kind), kind);
    });

    test("every changed character of the bundle is found", () => {
      const text = JSON.stringify(evidence);
      for (let at = 0; at < text.length; at += 7) {
        const character = text[at] === "A" ? "B" : "A";
        const changed = parsed(text.slice(0, at) + character + text.slice(at + 1));
        if (changed === undefined) continue;
        assert.notDeepEqual(
          verifyEvidence(changed, key.verifier),
          [],
          `at ${at}: ${text.slice(at - 30, at + 30)}`,
        );
      }
    });

    test("a changed entry, row and chunk are named, and so is one that is missing", () => {
      const [entry, row] = [evidence.entries.at(-1), evidence.rows.at(0)];
      assert.ok(entry && row);
      const parts = (changed: Partial<Evidence>) =>
        verifyEvidence({ ...evidence, ...changed }).map(({ part, name }) => `${part} ${name}`);
      const leaf = entry.leaf.replace("2026-11-23", "2026-11-24");
      assert.ok(
        parts({ entries: [...evidence.entries.slice(0, -1), { ...entry, leaf }] }).includes(
          `entry ${entry.index}`,
        ),
      );
      const body = row.body.replace("INC-1", "INC-2");
      assert.deepEqual(parts({ rows: [{ ...row, body }, ...evidence.rows.slice(1)] }), [
        `row sessions ${session}`,
      ]);
      assert.ok(parts({ rows: evidence.rows.slice(1) }).includes(`row sessions ${session}`));
      assert.ok(parts({ rows: evidence.rows.slice(0, -1) }).length > 0);
      assert.ok(parts({ files: {} }).includes("chunk gateway/0"));
      const swapped = { ...evidence.files, "gateway/0": evidence.files["gateway/1"] ?? "" };
      assert.deepEqual(parts({ files: swapped }), ["chunk gateway/0"]);
      assert.ok(parts({ files: { ...evidence.files, "client/0": "" } }).includes("chunk client/0"));
    });

    test("a bundle signed by somebody else does not hold against the log's key", async () => {
      const other = await openLogKey(places.folder(), "ihc.example");
      assert.notDeepEqual(verifyEvidence(evidence, other.verifier), []);
      assert.notDeepEqual(verifyEvidence({ ...evidence, verifier: other.verifier }), []);
      for (const nothing of [null, 1, "x", [], {}, { ...evidence, extra: 1 }, { ...evidence, entries: [{}] }])
        assert.notDeepEqual(verifyEvidence(nothing), []);
    });

    test("an untouched log and store verify, also against a checkpoint seen before", async () => {
      const log = await exportLog(store);
      assert.deepEqual(verifyLog(log, key.verifier, [old]), { size: log.leaves.length, problems: [] });
      const verdict = await verifyStore(store, journals, key.verifier, [old]);
      assert.deepEqual(verdict.problems, []);
      assert.ok(verdict.rows > 8 && verdict.chunks > 4);
    });

    test("each byte of any entry counts, and the entry is named", async () => {
      const log = await exportLog(store);
      for (const [index, leaf] of log.leaves.entries())
        for (let at = 0; at < leaf.length; at += 11) {
          const changed = leaf.slice(0, at) + (leaf[at] === "0" ? "1" : "0") + leaf.slice(at + 1);
          const { problems } = verifyLog(swap(log, index, changed), key.verifier);
          assert.ok(
            problems.some((problem) => problem.index === index),
            `entry ${index} at ${at}`,
          );
        }
    });

    test("truncation, rollback, exchange, insertion and a changed time of the log are told apart", async () => {
      const log = await exportLog(store);
      const { leaves, checkpoint } = log;
      const kinds = (changed: LogExport, seen: string[] = []) =>
        verifyLog(changed, key.verifier, seen).problems.map(({ kind, index }) => `${kind} ${index}`);
      const last = leaves.length - 1;
      assert.ok(kinds({ ...log, leaves: leaves.slice(0, -1) }).includes(`truncated ${last}`));
      assert.ok(kinds({ ...log, leaves: [...leaves, leaves[0] ?? ""] }).includes(`added ${last + 1}`));
      const [two = "", three = ""] = leaves.slice(2, 4);
      const exchanged = kinds(swap(swap(log, 2, three), 3, two));
      assert.ok(exchanged.includes("moved 2") && exchanged.includes("moved 3"));
      const time = (leaves[0] ?? "").replace("T12:00:00.000Z", "T12:00:00.001Z");
      assert.notEqual(time, leaves[0]);
      assert.deepEqual(kinds(swap(log, 0, time)), ["changed 0"]);
      const { hashes: _, ...bare } = swap(log, 0, time);
      assert.deepEqual(kinds(bare), ["changed undefined"]);
      const oldSize = Number(old.split("\n")[1]);
      assert.deepEqual(kinds({ leaves: leaves.slice(0, oldSize), checkpoint: old }, [checkpoint]), [
        `rollback ${oldSize}`,
      ]);
    });

    test("every column and every body of a row behind the log is found and named", async () => {
      const { db } = store.database;
      const named = async () =>
        (await verifyStore(store, journals, key.verifier)).problems.map(({ where }) => where);
      for (const table of ["requests", "grants", "sessions"] as const) {
        const row = await db.selectFrom(table).selectAll().executeTakeFirstOrThrow();
        const changes = [
          { version: row.version + 1 },
          { state: "revoked" },
          { person: "mallory" },
          { target: "other" },
          { expires_at: Number(row.expires_at) + 1 },
          { created_at: Number(row.created_at) + 1 },
          { body: row.body.replace("INC-1", "INC-2") },
        ];
        for (const change of changes) {
          await db.updateTable(table).set(change).where("id", "=", row.id).execute();
          assert.deepEqual(await named(), [`${table} ${row.id}`], JSON.stringify(change));
          await db.updateTable(table).set(row).where("id", "=", row.id).execute();
        }
        await db.deleteFrom(table).where("id", "=", row.id).execute();
        assert.deepEqual(await named(), [`${table} ${row.id}`]);
        await db.insertInto(table).values(row).execute();
        await db
          .insertInto(table)
          .values({ ...row, id: "smuggled" })
          .execute();
        assert.deepEqual(await named(), [`${table} smuggled`]);
        await db.deleteFrom(table).where("id", "=", "smuggled").execute();
      }
      assert.deepEqual(await named(), []);
    });

    test("a chunk's row, its file and an entry behind the log's back are found and named", async () => {
      const { db } = store.database;
      const named = async () =>
        (await verifyStore(store, journals, key.verifier)).problems.map(({ where }) => where);
      const row = await db
        .selectFrom("chunks")
        .selectAll()
        .where("session", "=", session)
        .executeTakeFirstOrThrow();
      await db
        .updateTable("chunks")
        .set({ body: row.body.replace("sha256:", "sha256:0") })
        .where("id", "=", row.id)
        .execute();
      assert.ok((await named()).includes(`chunks ${row.id}`));
      await db.updateTable("chunks").set(row).where("id", "=", row.id).execute();

      const file = join(folder, session, "000000.chunk");
      const bytes = readFileSync(file);
      writeFileSync(file, Buffer.concat([bytes, Buffer.of(0)]));
      assert.deepEqual(await named(), [`${session} gateway chunk 0`]);
      rmSync(file);
      assert.deepEqual(await named(), [`${session} gateway chunk 0`]);
      writeFileSync(file, bytes);

      const leaf = await db
        .selectFrom("audit_leaves")
        .selectAll()
        .where("idx", "=", 0)
        .executeTakeFirstOrThrow();
      await db
        .updateTable("audit_leaves")
        .set({ leaf: leaf.leaf.replace("ana", "bob") })
        .where("idx", "=", 0)
        .execute();
      assert.ok((await named()).includes("entry 0"));
      await db.updateTable("audit_leaves").set(leaf).where("idx", "=", 0).execute();
      assert.deepEqual(await named(), []);
    });
  });

function swap(log: LogExport, index: number, leaf: string): LogExport {
  return { ...log, leaves: log.leaves.with(index, leaf) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
