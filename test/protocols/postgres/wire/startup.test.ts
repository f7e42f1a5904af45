import assert from "node:assert/strict";
import { test } from "node:test";
import { readParameters } from "../../../../src/protocols/postgres/parameters.ts";
import { WireError } from "../../../../src/protocols/postgres/wire/cursor.ts";
import {
  cancelRequest,
  cstring,
  int32,
  sslRequest,
  startupMessage,
} from "../../../../src/protocols/postgres/wire/encode.ts";
import { StartupDecoder } from "../../../../src/protocols/postgres/wire/startup.ts";

const login = startupMessage(
  new Map([
    ["user", "ihc"],
    ["database", "app"],
  ]),
  2,
);

test("every startup packet, cut at every byte, reads as when it comes whole, and what follows is kept apart", () => {
  for (const packet of [login, sslRequest(), cancelRequest(7, Buffer.alloc(32, 1))]) {
    const whole = new StartupDecoder().push(Buffer.concat([packet, Buffer.from("rest")]));
    assert.equal(whole?.rest.toString(), "rest");
    for (let cut = 1; cut < packet.length; cut++) {
      const decoder = new StartupDecoder();
      assert.equal(decoder.push(packet.subarray(0, cut)), undefined);
      assert.deepEqual(decoder.push(packet.subarray(cut))?.packet, whole?.packet);
    }
  }
});

const twice = Buffer.concat([
  int32(196608),
  ...["user", "ihc", "user", "postgres"].map(cstring),
  Buffer.of(0),
]);
const hostile: readonly (readonly [string, Buffer])[] = [
  ["a TLS ClientHello", Buffer.from("16030100", "hex")],
  ["a length of four", Buffer.from("00000004", "hex")],
  ["a negative length", Buffer.from("ffffffff00030000", "hex")],
  ["a length beyond the limit", Buffer.from("00010000", "hex")],
  ["protocol 2", Buffer.concat([int32(8), int32(131072)])],
  ["a parameter given twice", Buffer.concat([int32(twice.length + 4), twice])],
  ["a cancel key of no length", Buffer.concat([int32(12), int32(80877102), int32(1)])],
];
for (const [what, bytes] of hostile)
  test(`${what} is refused`, () => {
    assert.throws(() => new StartupDecoder().push(bytes), WireError);
  });

test("only parameters on the list pass, by whatever road they come", () => {
  const read = (extra: Record<string, string>) =>
    readParameters(new Map(Object.entries({ user: "ihc", ...extra })));
  const fine = read({
    datestyle: "ISO",
    options: "-c statement_timeout=5s --TimeZone=UTC -cextra_float_digits=3",
    "_pq_.foo": "1",
  });
  assert.deepEqual(
    [...fine.settings],
    [
      ["DateStyle", "ISO"],
      ["statement_timeout", "5s"],
      ["TimeZone", "UTC"],
      ["extra_float_digits", "3"],
    ],
  );
  assert.deepEqual(fine.extensions, ["_pq_.foo"]);
  for (const extra of [
    { role: "admin" },
    { replication: "false" },
    { search_path: "evil" },
    { session_replication_role: "replica" },
    { standard_conforming_strings: "off" },
    { default_transaction_read_only: "off" },
    { client_encoding: "SJIS" },
    { options: "-c default_transaction_read_only=off" },
    { options: "-c=" },
    { options: "-c" },
    { options: "-d 5" },
    { options: "--default-transaction-read-only=off" },
    { options: "-c\\ role=admin" },
    { options: "-c DEFAULT_TRANSACTION_READ_ONLY=off" },
  ])
    assert.throws(() => read(extra), WireError, JSON.stringify(extra));
});
