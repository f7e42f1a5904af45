import assert from "node:assert/strict";
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { systemClock } from "../../src/base/clock.ts";
import { newId, type SessionId } from "../../src/base/ids.ts";
import type { JournalEvent, Recorded } from "../../src/core/journal/event.ts";
import { type Journals, type JournalsOptions, openJournals } from "../../src/storage/journals.ts";
import { type OpenStore, openStore } from "../../src/storage/open.ts";
import { sessionRecord } from "../support/records.ts";
import { type StorePlaces, storePlaces } from "../support/stores.ts";

let places: StorePlaces;
let store: OpenStore;
before(async () => {
  places = await storePlaces();
  store = await openStore({ sqlite: places.folder() });
});
after(async () => {
  await store.close();
  await places.stop();
});

const note = (text: string): JournalEvent => ({ type: "note", text });

async function opened(
  changes: Partial<JournalsOptions> = {},
): Promise<{ journals: Journals; folder: string; session: SessionId; home: string }> {
  const folder = changes.folder ?? places.folder();
  const journals = await openJournals({ folder, store, clock: systemClock, freeSpaceFloor: 0, ...changes });
  const session = newId("ses");
  return { journals, folder, session, home: join(folder, session) };
}

async function all(events: AsyncIterable<Recorded>): Promise<Recorded[]> {
  const found: Recorded[] = [];
  for await (const event of events) found.push(event);
  return found;
}

const texts = (events: readonly Recorded[]) =>
  events.map(({ event }) => (event.type === "note" ? event.text : event.type));

describe("journals", { timeout: 60_000 }, () => {
  test("events come back in the order and with the bytes they were written with, across chunks", async () => {
    const { journals, session } = await opened({ chunkBytes: 2000 });
    const writer = await journals.open(session);
    const data = Buffer.from([0, 1, 2, 255]);
    const output: JournalEvent = {
      type: "output",
      connection: newId("con"),
      stream: "out",
      data: data as Uint8Array as never,
    };
    for (let at = 0; at < 200; at++) {
      if (at % 3 === 0) writer.add(output);
      else await writer.append(note(`event ${at}`), at % 2 === 0 ? "written" : "durable");
    }
    await writer.close("done");
    const events = await all(journals.read(session));
    assert.equal(events.length, 201);
    assert.deepEqual(
      events.map(({ seq }) => seq),
      [...events.keys()],
    );
    assert.deepEqual(events[0]?.event, output);
    assert.deepEqual(events[1]?.event, note("event 1"));
    assert.deepEqual(events.at(-1)?.event, { type: "end", reason: "done", complete: true });
    const chunks = await store.chunks.list(session);
    assert.ok(chunks.length > 2, `${chunks.length} chunks`);
    assert.deepEqual(
      chunks.map(({ previous }) => previous),
      ["", ...chunks.map(({ digest }) => digest).slice(0, -1)],
    );
    assert.deepEqual(await journals.verify(session), []);
    assert.deepEqual(
      (await all(journals.read(session, 150))).map(({ seq }) => seq),
      [...events.keys()].slice(150),
    );
    journals.close();
  });

  test("a live session can be read as far as it is written", async () => {
    const { journals, session } = await opened();
    const writer = await journals.open(session);
    await writer.append(note("one"), "written");
    assert.deepEqual(texts(await all(journals.read(session))), ["one"]);
    await writer.append(note("two"), "written");
    assert.deepEqual(texts(await all(journals.read(session, 1))), ["two"]);
    await writer.close("done");
    assert.deepEqual(texts(await all(journals.read(session))), ["one", "two", "end"]);
    journals.close();
  });

  test("a quiet session is sealed by age", async () => {
    const sealed: number[] = [];
    const { journals, session } = await opened({
      chunkAge: 20,
      onSealed: ({ number }) => sealed.push(number),
    });
    const writer = await journals.open(session);
    await writer.append(note("one"), "durable");
    for (let tries = 0; sealed.length === 0 && tries < 500; tries++) await sleep(10);
    assert.deepEqual(sealed, [0]);
    await writer.append(note("two"), "durable");
    await writer.close("done");
    assert.deepEqual(texts(await all(journals.read(session))), ["one", "two", "end"]);
    journals.close();
  });

  test("events of one turn are written together and one fsync serves all", async () => {
    const { journals, session } = await opened();
    const writer = await journals.open(session);
    const many = Array.from({ length: 5000 }, (_, at) => writer.append(note(`${at}`), "durable"));
    await Promise.all(many);
    await writer.close("done");
    assert.equal((await all(journals.read(session))).length, 5001);
    journals.close();
  });

  test("a session's journal is written once, under its own id and nobody's path", async () => {
    const { journals, session, home } = await opened();
    const writer = await journals.open(session);
    await assert.rejects(journals.open(session), { code: "conflict" });
    await writer.close("done");
    await assert.rejects(journals.open(session), { code: "conflict" });
    await assert.rejects(writer.append(note("late"), "written"), { code: "storage" });
    for (const bad of ["../../etc/cron.d/x", "ses_", "ses_../../../..", "", "req_0123456789AB"])
      await assert.rejects(journals.open(bad as SessionId), { code: "invalid" }, bad);
    assert.equal(statSync(home).mode & 0o777, 0o700);
    for (const file of readdirSync(home)) assert.equal(statSync(join(home, file)).mode & 0o777, 0o600);
    journals.close();
  });

  test("a link in the place of a chunk is not followed", async () => {
    const { journals, session, home } = await opened();
    const writer = await journals.open(session);
    const secret = join(places.folder(), "secret");
    writeFileSync(secret, "secret");
    symlinkSync(secret, join(home, "000000.chunk"));
    await writer.append(note("one"), "durable");
    await assert.rejects(writer.close("done"), { code: "conflict" });
    assert.ok(writer.failed.aborted);
    assert.equal(readFileSync(secret, "utf8"), "secret");
    journals.close();
  });

  test("chunks for an auditor open with the auditor's identity only", async () => {
    const [identity, other] = [await generateX25519Identity(), await generateX25519Identity()];
    const { journals, session } = await opened({ recipients: [await identityToRecipient(identity)] });
    const writer = await journals.open(session);
    await writer.append(note("for auditors"), "durable");
    await writer.close("done");
    await assert.rejects(all(journals.read(session)), { code: "denied" });
    await assert.rejects(all(journals.read(session, 0, [other])), { code: "denied" });
    assert.deepEqual(texts(await all(journals.read(session, 0, [identity]))), ["for auditors", "end"]);
    assert.deepEqual(await journals.verify(session), []);
    journals.close();
  });

  test("below the free-space floor no session opens", async () => {
    const { journals, session } = await opened({ freeSpaceFloor: 2 ** 60 });
    assert.equal(await journals.space(), false);
    await assert.rejects(journals.open(session), { code: "unavailable" });
    journals.close();
  });

  test("two gateways never share a folder", async () => {
    const { journals, folder } = await opened();
    await assert.rejects(openJournals({ folder, store, clock: systemClock }), { code: "conflict" });
    const looking = await openJournals({ folder, store, clock: systemClock, readOnly: true });
    await assert.rejects(looking.recover(), { code: "internal" });
    looking.close();
    journals.close();
    (await openJournals({ folder, store, clock: systemClock })).close();
  });

  test("a changed, exchanged or missing chunk is found and named", async () => {
    const { journals, session, home } = await opened({ chunkBytes: 200 });
    const writer = await journals.open(session);
    for (let at = 0; at < 20; at++) await writer.append(note(`event ${at}`), "durable");
    await writer.close("done");
    const file = join(home, "000001.chunk");
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(file, changed);
      const [problem, ...others] = await journals.verify(session);
      assert.deepEqual([problem?.number, problem?.problem, others.length], [1, "changed", 0]);
    }
    writeFileSync(file, readFileSync(join(home, "000002.chunk")));
    assert.deepEqual(
      (await journals.verify(session)).map(({ number, problem }) => [number, problem]),
      [[1, "changed"]],
    );
    journals.close();
  });

  test("what a gateway left behind is sealed up to the last whole event and marked incomplete", async () => {
    const { journals, folder, session, home } = await opened({ chunkBytes: 300, chunkAge: 1e6 });
    await store.sessions.insert(sessionRecord({ id: session }));
    const writer = await journals.open(session);
    for (let at = 0; at < 20; at++) await writer.append(note(`event ${at}`), "durable");
    const open = () => readdirSync(home).filter((name) => name.endsWith(".open"));
    // Until a segment has just been sealed, so that exactly one event is in the next.
    for (let tries = 0; open().length > 0 && tries < 100; tries++) {
      await writer.append(note("more"), "durable");
      await sleep(30);
    }
    await writer.append(note("the last"), "durable");
    const written = (await all(journals.read(session))).length;
    appendFileSync(join(home, open()[0] ?? ""), Buffer.from([0, 0, 1, 0, 1, 2, 3]));
    journals.close();
    const again = await openJournals({ folder, store, clock: systemClock });
    const [found] = await again.recover();
    assert.deepEqual([found?.session, found?.events, found?.problem?.kind], [session, written + 1, "torn"]);
    const events = await all(again.read(session));
    assert.equal(events.length, written + 1);
    const last = events.at(-1)?.event;
    assert.ok(last?.type === "end" && !last.complete);
    const record = await store.sessions.get(session);
    assert.deepEqual([record?.state, record?.complete, record?.version], ["ended", false, 2]);
    assert.deepEqual(open(), []);
    assert.deepEqual(await again.verify(session), []);
    assert.deepEqual(await again.recover(), []);
    await assert.rejects(again.open(session), { code: "conflict" });
    again.close();
  });

  test("a segment that is lost or damaged ends the recording there, and what follows is kept aside", async () => {
    for (const damage of ["lost", "damaged"] as const) {
      const { journals, folder, session, home } = await opened({ chunkAge: 1e6 });
      const writer = await journals.open(session);
      await writer.append(note("one"), "durable");
      await writer.append(note("two"), "durable");
      journals.close();
      const open = join(home, "000000.open");
      if (damage === "lost") renameSync(open, join(home, "000001.open"));
      else {
        const bytes = readFileSync(open);
        bytes.writeUInt8(bytes.readUInt8(bytes.length - 2) ^ 1, bytes.length - 2);
        writeFileSync(open, bytes);
      }
      const again = await openJournals({ folder, store, clock: systemClock });
      const [found] = await again.recover();
      const kept = damage === "lost" ? [] : ["one"];
      assert.equal(found?.problem?.kind, damage === "lost" ? "sequence" : "damaged");
      assert.deepEqual(texts(await all(again.read(session))), [...kept, "end"]);
      assert.deepEqual(await again.verify(session), []);
      assert.ok(readdirSync(home).some((name) => name.endsWith(".damaged")));
      assert.deepEqual(await again.recover(), []);
      again.close();
    }
  });
});
