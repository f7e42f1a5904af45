import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { newId } from "../../../src/base/ids.ts";
import { packChunk, unpackChunk } from "../../../src/core/journal/chunk.ts";
import type { JournalEvent, Recorded } from "../../../src/core/journal/event.ts";
import { decodeFrames, encodeFrame } from "../../../src/core/journal/frame.ts";

const connection = newId("con");
const operation = newId("op");

const events: fc.Arbitrary<JournalEvent> = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text): JournalEvent => ({ type: "note", text })),
  fc.uint8Array().map(
    (data): JournalEvent => ({
      type: "output",
      connection,
      stream: "out",
      data: Buffer.from(data) as Uint8Array as never,
    }),
  ),
  fc.uint8Array().map(
    (data): JournalEvent => ({
      type: "rows",
      operation,
      format: "pg",
      data: Buffer.from(data) as Uint8Array as never,
    }),
  ),
  fc.nat().map((rows): JournalEvent => ({ type: "resize", connection, columns: 80, rows })),
);

const journal = fc
  .array(events, { maxLength: 12 })
  .map((list) =>
    list.map((event, seq): Recorded => ({ seq: seq + 3, at: new Date(1_700_000_000_000 + seq), event })),
  );

const framed = (recorded: readonly Recorded[]) =>
  Buffer.concat(recorded.flatMap((each) => encodeFrame(each)));

test("frames give back the events they were made of", () => {
  fc.assert(
    fc.property(journal, (recorded) => {
      const bytes = framed(recorded);
      assert.deepEqual(decodeFrames(bytes, 3), { events: recorded, end: bytes.length });
    }),
  );
});

test("cut anywhere, the whole frames before the cut are read and the torn one is named", () => {
  fc.assert(
    fc.property(journal, fc.nat(), (recorded, place) => {
      const ends = recorded.map((_, at) => framed(recorded.slice(0, at + 1)).length);
      const bytes = framed(recorded);
      const cut = place % (bytes.length + 1);
      const whole = ends.filter((end) => end <= cut).length;
      const { events: read, end, problem } = decodeFrames(bytes.subarray(0, cut), 3);
      assert.deepEqual(read, recorded.slice(0, whole));
      assert.equal(end, whole === 0 ? 0 : ends[whole - 1]);
      assert.deepEqual(problem, end === cut ? undefined : { offset: end, seq: 3 + whole, kind: "torn" });
    }),
  );
});

test("with any byte changed, the events before are read and no wrong one is", () => {
  fc.assert(
    fc.property(journal, fc.nat(), fc.integer({ min: 1, max: 255 }), (recorded, place, flip) => {
      const bytes = framed(recorded);
      fc.pre(bytes.length > 0);
      const at = place % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(at) ^ flip, at);
      const { events: read, problem } = decodeFrames(bytes, 3);
      assert.ok(problem);
      assert.deepEqual(read, recorded.slice(0, problem.seq - 3));
      assert.ok(problem.offset <= at);
    }),
  );
});

test("a frame that is left out, repeated or exchanged is named by its number", () => {
  const recorded = [0, 1, 2].map(
    (seq): Recorded => ({ seq, at: new Date(0), event: { type: "note", text: `${seq}` } }),
  );
  const [a, b, c] = recorded.map((each) => framed([each]));
  assert.ok(a && b && c);
  for (const [frames, seq] of [
    [[a, c], 1],
    [[a, a], 1],
    [[a, c, b], 1],
    [[b], 0],
  ] as const)
    assert.deepEqual(decodeFrames(Buffer.concat([...frames]), 0).problem?.kind, "sequence", `${seq}`);
});

test("a chunk is one compressed frame that gives back its bytes, and a damaged one is refused", async () => {
  const frames = framed([{ seq: 0, at: new Date(0), event: { type: "note", text: "x".repeat(10_000) } }]);
  const chunk = Buffer.from(await packChunk(frames));
  assert.ok(chunk.length < frames.length / 10);
  assert.deepEqual(await unpackChunk(chunk), frames);
  const damaged = Buffer.from(chunk);
  damaged.writeUInt8(damaged.readUInt8(chunk.length - 1) ^ 1, chunk.length - 1);
  await assert.rejects(unpackChunk(damaged), { code: "corrupt" });
  await assert.rejects(unpackChunk(chunk.subarray(0, chunk.length - 1)), { code: "corrupt" });
  await assert.rejects(unpackChunk(Buffer.from("age-encryption.org/v1\nnothing")), { code: "denied" });
});
