import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createInflate } from "node:zlib";
import {
  dataFrame,
  pingFrame,
  type SpdyFrame,
  SpdyReader,
  synStream,
} from "../../../../src/protocols/kubernetes/wire/spdy.ts";
import { spdyDictionary } from "../../../support/kubernetes/spdy-dictionary.ts";

const control = (type: number, body: Uint8Array, version = 3): Buffer =>
  Buffer.concat([Buffer.of(0x80, version, 0, type, 0, 0, 0, body.length), body]);

const read = (...pieces: readonly Uint8Array[]): readonly SpdyFrame[] => {
  const reader = new SpdyReader();
  return pieces.flatMap((piece) => reader.push(piece));
};

suite("SPDY frames of a server", () => {
  const conversation = Buffer.concat([
    control(2, Buffer.of(0, 0, 0, 5, 1, 2, 3)),
    dataFrame(5, Buffer.from("out"), false),
    pingFrame(2),
    dataFrame(7, Buffer.alloc(0), true),
    control(3, Buffer.of(0, 0, 0, 1, 0, 0, 0, 5)),
    control(7, Buffer.alloc(8)),
  ]);
  const expected: readonly SpdyFrame[] = [
    { kind: "other" },
    { kind: "data", stream: 5, data: Buffer.from("out"), last: false },
    { kind: "ping", id: 2 },
    { kind: "data", stream: 7, data: Buffer.alloc(0), last: true },
    { kind: "reset", stream: 1 },
    { kind: "goaway" },
  ];

  test("are read wherever the bytes are cut", () => {
    for (let cut = 0; cut <= conversation.length; cut += 1)
      assert.deepEqual(
        read(conversation.subarray(0, cut), conversation.subarray(cut)),
        expected,
        `cut at ${cut}`,
      );
    assert.deepEqual(read(...[...conversation].map((byte) => Buffer.of(byte))), expected);
  });

  test("that no kubelet sends are refused: another version, streams of its own, lengths without measure", () => {
    for (const wrong of [
      control(2, Buffer.alloc(8), 2),
      control(1, Buffer.alloc(10)),
      control(6, Buffer.alloc(3)),
      control(3, Buffer.alloc(7)),
      Buffer.of(0, 0, 0, 5, 0, 0xff, 0xff, 0xff),
    ])
      assert.throws(() => read(wrong), { code: "invalid", rule: "malformed-spdy" });
  });
});

suite("SPDY frames of a client", () => {
  test("open streams with headers that one zlib stream with the dictionary holds", async () => {
    const inflate = createInflate({ dictionary: spdyDictionary });
    let text = Buffer.alloc(0);
    inflate.on("data", (data: Buffer) => {
      text = Buffer.concat([text, data]);
    });
    for (const [at, streamtype] of ["error", "stdin"].entries()) {
      const frame = synStream(at * 2 + 1, { streamtype }, at === 0);
      assert.equal(frame.readUIntBE(5, 3), frame.length - 8);
      assert.equal(frame.readUInt32BE(8), at * 2 + 1);
      await new Promise((resolve) => inflate.write(frame.subarray(18), resolve));
    }
    inflate.close();
    const block = (value: string): Buffer =>
      Buffer.concat([
        Buffer.of(0, 0, 0, 1, 0, 0, 0, 10),
        Buffer.from("streamtype"),
        Buffer.of(0, 0, 0, value.length),
        Buffer.from(value),
      ]);
    assert.deepEqual(text, Buffer.concat([block("error"), block("stdin")]));
  });
});
