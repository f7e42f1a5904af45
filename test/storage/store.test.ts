import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { vouchesOf } from "../../src/core/audit/vouch.ts";
import { type OpenStore, openStore, type StoreLocation } from "../../src/storage/open.ts";
import { accessRequest, chunkRecord, grant, later, noon, person, sessionRecord } from "../support/records.ts";
import { type StorePlaces, storePlaces } from "../support/stores.ts";

let places: StorePlaces;
before(async () => {
  places = await storePlaces();
});
after(() => places.stop());

for (const dialect of ["sqlite", "postgres"] as const)
  describe(`the store on ${dialect}`, { timeout: 60_000 }, () => {
    let location: StoreLocation;
    let store: OpenStore;
    before(async () => {
      location = await places.fresh(dialect);
      store = await openStore(location);
    });
    after(() => store.close());

    test("keeps every member of a record, dates and absent members included", async () => {
      const request = accessRequest({
        incident: "INC-9",
        reviews: [
          {
            person: person("lee").person,
            name: "lee",
            groups: ["sre-leads"],
            answer: "approve",
            at: later(1),
          },
        ],
        decidedAt: later(1),
        operation: {
          session: sessionRecord().id,
          kind: "statement",
          text: "select 'ü\u0000'",
          parameters: [1, null, { deep: ["x"] }],
          effect: "read",
          resources: [],
          traits: [],
          digest: chunkRecord(sessionRecord().id).digest as never,
        },
      });
      await store.requests.insert(request);
      assert.deepEqual(await store.requests.get(request.id), request);
      const active = grant();
      await store.grants.insert(active);
      assert.deepEqual(await store.grants.get(active.id), active);
      const session = sessionRecord({ endedAt: later(2), endReason: "done" });
      await store.sessions.insert(session);
      assert.deepEqual(await store.sessions.get(session.id), session);
      assert.equal(await store.requests.get(accessRequest().id), undefined);
    });

    test("of two changes to the same version exactly one wins", async () => {
      const request = accessRequest();
      await store.requests.insert(request);
      const changes = (["approved", "denied", "canceled", "expired"] as const).map((state) =>
        store.requests.replace({ ...request, state, version: 2 }),
      );
      const won = await Promise.all(changes);
      assert.equal(won.filter(Boolean).length, 1);
      assert.equal((await store.requests.get(request.id))?.version, 2);
      assert.equal(await store.requests.replace({ ...request, version: 4 }), false);
      assert.equal(await store.requests.replace({ ...accessRequest(), version: 2 }), false);
    });

    test("a second record with the same id is a conflict", async () => {
      const request = accessRequest();
      await store.requests.insert(request);
      await assert.rejects(store.requests.insert(request), { code: "conflict" });
      const chunk = chunkRecord(sessionRecord().id);
      await store.chunks.insert(chunk);
      await assert.rejects(store.chunks.insert({ ...chunk, bytes: 11 }), { code: "conflict" });
      assert.deepEqual(await store.chunks.list(chunk.session), [chunk]);
    });

    test("lists newest first by state, person, target, session, prefix and time", async () => {
      const mine = [1, 2, 3].map((minute) =>
        accessRequest({
          requester: person(`list-${dialect}`),
          createdAt: later(minute),
          target: `t${minute}`,
        }),
      );
      for (const request of mine) await store.requests.insert(request);
      const who = person(`list-${dialect}`).person;
      const ids = async (filter: object) =>
        (await store.requests.list({ person: who, ...filter })).map((r) => r.id);
      const newestFirst = mine.map(({ id }) => id).reverse();
      assert.deepEqual(await ids({}), newestFirst);
      assert.deepEqual(await ids({ limit: 1 }), newestFirst.slice(0, 1));
      assert.deepEqual(await ids({ target: "t2" }), [mine[1]?.id]);
      assert.deepEqual(await ids({ prefix: mine[0]?.id.slice(0, 9) }), [mine[0]?.id]);
      assert.deepEqual(await ids({ prefix: mine[0]?.id.slice(0, 9).toLowerCase() }), []);
      assert.deepEqual(await ids({ prefix: "req%" }), []);
      assert.deepEqual(await ids({ states: [] }), []);
      assert.deepEqual(await ids({ states: ["approved", "pending"] }), newestFirst);
      assert.deepEqual(await ids({ dueAt: later(59) }), []);
      assert.deepEqual(await ids({ dueAt: later(60) }), newestFirst);
      assert.deepEqual(await ids({ before: later(2) }), [mine[0]?.id]);
      assert.deepEqual(await ids({ session: sessionRecord().id }), []);
    });

    test("a transaction that throws leaves nothing, neither rows nor entries", async () => {
      const request = accessRequest();
      const waiting = await store.audit.pending();
      const failure = new Error("changed my mind");
      await assert.rejects(
        store.atomically(async (tables) => {
          await tables.requests.insert(request);
          await tables.enqueue({ kind: "request.created", at: noon, actor: "ana", detail: {} });
          throw failure;
        }),
        { code: "storage", cause: failure },
      );
      assert.equal(await store.requests.get(request.id), undefined);
      assert.equal(await store.audit.pending(), waiting);
    });

    test("transactions that read and write the same rows at once lose no update", async () => {
      const request = accessRequest();
      await store.requests.insert(request);
      const bump = () =>
        store.atomically(async ({ requests }) => {
          const now = await requests.get(request.id);
          assert.ok(now);
          assert.ok(await requests.replace({ ...now, version: now.version + 1, duration: now.duration + 1 }));
        });
      await Promise.all(Array.from({ length: 8 }, bump));
      const final = await store.requests.get(request.id);
      assert.deepEqual([final?.version, final?.duration], [9, request.duration + 8]);
    });

    test("every change is vouched for in the transaction's last entry, or in one of its own", async () => {
      const request = accessRequest();
      await store.atomically(async (tables) => {
        await tables.requests.insert(request);
        await tables.enqueue({
          kind: "request.created",
          at: noon,
          actor: "ana",
          detail: { request: request.id },
        });
      });
      await store.requests.replace({ ...request, version: 2, state: "canceled" });
      const queued = await store.database.db
        .selectFrom("audit_queue")
        .selectAll()
        .orderBy("id", "desc")
        .execute();
      const [second, first] = queued.map(({ body }) => JSON.parse(body));
      assert.deepEqual([first.kind, second.kind], ["request.created", "row.changed"]);
      assert.deepEqual(
        [first, second].map(({ detail }) => vouchesOf(detail).map(({ id, version }) => [id, version])),
        [[[request.id, 1]], [[request.id, 2]]],
      );
    });

    test("a call past the transaction it is made in is refused instead of waiting for ever", async () => {
      await assert.rejects(
        store.atomically(async () => store.requests.list({})),
        { code: "internal" },
      );
    });

    test("an entry that is too long, or that vouches by itself, is refused", async () => {
      const entry = { kind: "x", at: noon, actor: "ana" };
      await assert.rejects(store.enqueue({ ...entry, detail: { text: "x".repeat(70_000) } }), {
        code: "too-large",
      });
      await assert.rejects(store.enqueue({ ...entry, detail: { vouches: [] } }), { code: "internal" });
    });

    test("what was stored is there after opening it again", async () => {
      const request = accessRequest();
      await store.requests.insert(request);
      const again = await openStore(location);
      try {
        assert.deepEqual(await again.requests.get(request.id), request);
      } finally {
        await again.close();
      }
    });
  });

test("a database that cuts a transaction between two statements fails it, and the store goes on", async () => {
  const location = await places.fresh("postgres");
  const store = await openStore(location);
  const [kept, lost] = [accessRequest(), accessRequest()];
  await store.requests.insert(kept);
  const cut = store.atomically(async (tables) => {
    await tables.requests.insert(lost);
    await cutConnections(location);
    await tables.requests.get(lost.id);
  });
  await assert.rejects(cut);
  assert.deepEqual(await store.requests.get(kept.id), kept);
  assert.equal(await store.requests.get(lost.id), undefined);
  await store.close();
});

/** As an administrator's restart of the database does; resolves when the server has closed them. */
async function cutConnections(location: StoreLocation): Promise<void> {
  assert.ok("postgres" in location);
  const client = new pg.Client({ connectionString: location.postgres });
  await client.connect();
  await client.query(
    "select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'ihc'",
  );
  await client.end();
  await sleep(100);
}

test("a text that was masked after its review is gone from the files, not only from its row", async () => {
  const folder = join(places.folder(), "state");
  const store = await openStore({ sqlite: folder });
  const exact = "the exact statement ".repeat(20);
  const request = accessRequest({ reason: exact });
  await store.requests.insert(request);
  await store.requests.replace({ ...request, version: request.version + 1, reason: "masked" });
  await store.close();
  for (const file of readdirSync(folder))
    assert.ok(!readFileSync(join(folder, file)).includes("exact statement"), file);
});

test("a state folder is private, and one that others can write is refused", async () => {
  const folder = join(places.folder(), "state");
  const store = await openStore({ sqlite: folder });
  await store.requests.insert(accessRequest());
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const file of readdirSync(folder))
    assert.equal(statSync(join(folder, file)).mode & 0o777, 0o600, file);
  await store.close();
  const open = join(places.folder(), "open");
  mkdirSync(open);
  chmodSync(open, 0o770);
  await assert.rejects(openStore({ sqlite: open }), { code: "config" });
});
