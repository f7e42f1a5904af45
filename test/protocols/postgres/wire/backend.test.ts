import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BackendWalker,
  type FrameSink,
  parseErrorFields,
  parseRowDescription,
} from "../../../../src/protocols/postgres/wire/backend.ts";
import {
  cstring,
  errorResponse,
  frame,
  int16,
  int32,
  readyForQuery,
} from "../../../../src/protocols/postgres/wire/encode.ts";

const row = frame("D", int16(2), int32(3), Buffer.from("abc"), int32(-1));
const stream = Buffer.concat([
  row,
  row,
  errorResponse({ S: "ERROR", C: "42501", M: "no" }),
  row,
  readyForQuery("I"),
]);

function walk(
  chunks: readonly Buffer[],
  inPieces = false,
): { readonly types: string; readonly bytes: Buffer } {
  const walker = new BackendWalker();
  let types = "";
  const seen: Buffer[] = [];
  const sink: FrameSink = {
    frame: (type, bytes, start, end) => {
      types += String.fromCharCode(type);
      seen.push(bytes.subarray(start, end));
    },
    wants: () => (inPieces ? "pieces" : "whole"),
    piece: (type, bytes, last) => {
      if (last) types += String.fromCharCode(type);
      seen.push(Buffer.from(bytes));
    },
  };
  for (const chunk of chunks) walker.push(chunk, sink);
  assert.ok(walker.between);
  return { types, bytes: Buffer.concat(seen) };
}

test("a stream cut at every byte walks as when it comes whole, gathered or in pieces", () => {
  const whole = walk([stream]);
  assert.deepEqual(whole, { types: "DDEDZ", bytes: stream });
  for (let cut = 1; cut < stream.length; cut++)
    for (const inPieces of [false, true])
      assert.deepEqual(walk([stream.subarray(0, cut), stream.subarray(cut)], inPieces), whole);
});

test("one byte a chunk walks the same", () => {
  assert.deepEqual(walk([...stream].map((byte) => Buffer.of(byte))), { types: "DDEDZ", bytes: stream });
});

test("frames that lie whole in a chunk are not copied", () => {
  const walker = new BackendWalker();
  walker.push(stream, {
    frame: (_type, bytes) => assert.equal(bytes, stream),
    wants: () => "whole",
    piece: () => assert.fail("nothing is in pieces"),
  });
});

test("a row description and error fields read as they were written", () => {
  const fields = frame(
    "T",
    int16(1),
    cstring("id"),
    int32(16385),
    int16(1),
    int32(23),
    int16(4),
    int32(-1),
    int16(0),
  );
  assert.deepEqual(parseRowDescription(fields), [
    { name: "id", tableOid: 16385, attribute: 1, typeOid: 23, typeSize: 4, typeModifier: -1, format: 0 },
  ]);
  assert.deepEqual(
    [...parseErrorFields(errorResponse({ S: "ERROR", M: "é" }))],
    [
      ["S", "ERROR"],
      ["M", "é"],
    ],
  );
});
