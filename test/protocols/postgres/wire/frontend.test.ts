import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WireError } from "../../../../src/protocols/postgres/wire/cursor.ts";
import * as encode from "../../../../src/protocols/postgres/wire/encode.ts";
import { FrontendDecoder, type FrontendMessage } from "../../../../src/protocols/postgres/wire/frontend.ts";

const messages: readonly Buffer[] = [
  encode.query("select 'é'"),
  encode.parseMessage("s1", "select $1", [23, 0]),
  encode.bind({
    portal: "p",
    statement: "s1",
    formats: [1],
    values: [Buffer.of(0, 0, 0, 7)],
    resultFormats: [0, 1],
  }),
  encode.describe("S", "s1"),
  encode.execute("p", 10),
  encode.close("P", "p"),
  encode.flush(),
  encode.sync(),
  encode.frame("d", Buffer.from("1\tx\n")),
  encode.frame("d"),
  encode.frame("c"),
  encode.copyFail("no"),
  encode.terminate(),
];

/** What a decoder says of chunks, with pieces of COPY data joined. */
function decode(chunks: readonly Buffer[]): { readonly types: string[]; readonly bytes: Buffer } {
  const decoder = new FrontendDecoder();
  const all: FrontendMessage[] = chunks.flatMap((chunk) => [...decoder.push(chunk)]);
  const types = all
    .map(({ type }) => type)
    .filter((type, i, list) => type !== "copy-data" || list[i - 1] !== type);
  return { types, bytes: Buffer.concat(all.map(({ frame }) => frame)) };
}

test("every message, cut at every byte, reads as when it comes whole", () => {
  for (const message of messages) {
    const whole = decode([message]);
    assert.equal(whole.types.length, 1);
    for (let cut = 1; cut < message.length; cut++)
      assert.deepEqual(decode([message.subarray(0, cut), message.subarray(cut)]), whole);
  }
});

test("many messages in one chunk and one byte a chunk read the same", () => {
  const stream = Buffer.concat(messages);
  const whole = decode([stream]);
  assert.deepEqual(whole.bytes, stream);
  assert.deepEqual(decode([...stream].map((byte) => Buffer.of(byte))), whole);
});

test("any Query, Parse and Execute come back from the wire as they went in", () => {
  const text = fc.string({ unit: "binary" }).filter((s) => !s.includes("\0") && s.isWellFormed());
  const name = fc.string({ maxLength: 20 }).filter((s) => !s.includes("\0"));
  fc.assert(
    fc.property(text, name, fc.array(fc.nat(), { maxLength: 20 }), fc.nat(1000), (sql, id, types, limit) => {
      const decoder = new FrontendDecoder();
      const bytes = Buffer.concat([
        encode.query(sql),
        encode.parseMessage(id, sql, types),
        encode.execute(id, limit),
      ]);
      const [query, parse, execute] = [...decoder.push(bytes)];
      assert.ok(query?.type === "query" && parse?.type === "parse" && execute?.type === "execute");
      assert.equal(query.sql, sql);
      assert.deepEqual([parse.name, parse.sql, parse.types], [id, sql, types]);
      assert.deepEqual([execute.portal, execute.limit], [id, limit]);
    }),
  );
});

const hostile: readonly (readonly [what: string, hex: string, sqlstate: string])[] = [
  ["a length below four", "5100000003", "08P01"],
  ["a negative length", "51ffffffff", "08P01"],
  ["a query longer than the limit", "517fffffff", "54000"],
  ["an unknown type", "7a00000004", "08P01"],
  ["a server's message", "5a0000000549", "08P01"],
  ["a password after login", "700000000968656c6c6f", "08P01"],
  ["a Sync with a body", "530000000500", "54000"],
];

for (const [what, hex, sqlstate] of hostile)
  test(`${what} is refused`, () => {
    const decoder = new FrontendDecoder();
    const chunk = Buffer.from(hex, "hex");
    assert.throws(
      () => [...decoder.push(Buffer.concat([chunk, Buffer.alloc(8)]))],
      (error: unknown) => error instanceof WireError && error.sqlstate === sqlstate,
    );
  });

const unreadable: readonly (readonly [what: string, hex: string, sqlstate: string])[] = [
  ["a Parse that is too short", "500000000c0073656c65637400", "08P01"],
  ["a Bind with more formats than bytes", "420000000c0000ffff00000000", "08P01"],
  ["a Query without its final NUL", "5100000007616263", "08P01"],
  ["data after the NUL of a Query", "5100000007610062", "08P01"],
  ["ill-formed UTF-8", "5100000006ff00", "22021"],
  [
    "a name longer than the 63 bytes that the server compares",
    encode.parseMessage("n".repeat(64), "select 1").toString("hex"),
    "42622",
  ],
];

for (const [what, hex, sqlstate] of unreadable)
  test(`${what} is unreadable, and the next message is read`, () => {
    const decoder = new FrontendDecoder();
    const [bad, next] = [...decoder.push(Buffer.concat([Buffer.from(hex, "hex"), encode.sync()]))];
    assert.ok(bad?.type === "malformed");
    assert.equal(bad.error.sqlstate, sqlstate);
    assert.equal(next?.type, "sync");
  });

test("a name of 63 bytes is read", () => {
  const [message] = [...new FrontendDecoder().push(encode.parseMessage("n".repeat(63), "select 1"))];
  assert.equal(message?.type, "parse");
});

test("a promised length costs nothing before its bytes have come", () => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 1000 }, () => new FrontendDecoder());
  for (const decoder of decoders) [...decoder.push(Buffer.from("4203fffff041", "hex"))];
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 * 1024 * 1024);
});
