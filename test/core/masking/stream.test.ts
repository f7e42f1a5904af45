import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { detectorNames } from "../../../src/core/masking/rule.ts";
import { maskStream } from "../../../src/core/masking/stream.ts";
import { texts } from "./samples.ts";

const plan = compileMasks(
  { mode: "strict", rules: [{ detect: detectorNames, how: "partial" }] },
  Buffer.alloc(32, 1),
);

function streamed(pieces: readonly Uint8Array[]): string {
  const stream = maskStream(plan);
  return Buffer.concat([...pieces.map((piece) => stream.push(piece)), stream.end()]).toString("latin1");
}

test("a stream comes out the same wherever it was cut, and the same as in one piece", () => {
  fc.assert(
    fc.property(texts, fc.array(fc.nat(400), { maxLength: 30 }), (text, cuts) => {
      const bytes = Buffer.from(text);
      const pieces: Buffer[] = [];
      let at = 0;
      for (const size of cuts) {
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      pieces.push(bytes.subarray(at));
      assert.equal(streamed(pieces), Buffer.from(plan.bytes(bytes)).toString("latin1"));
    }),
    { numRuns: 400 },
  );
});

const samples = [
  "mail canary.zoë@leak.example, card 4111 1111 1111 1111 and 900-11-2233.\r\n",
  "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----\nafter\n",
  "aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab\n",
  "eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2lnbmF0dXJl sk_live_CANARYTOKEN4242\n",
];
for (const sample of samples)
  test(`every cut of a sample gives the same: ${sample.slice(0, 30).trim()}`, () => {
    const bytes = Buffer.from(sample);
    const whole = Buffer.from(plan.bytes(bytes)).toString("latin1");
    assert.notEqual(whole, bytes.toString("latin1"));
    for (let cut = 0; cut <= bytes.length; cut++)
      assert.equal(streamed([bytes.subarray(0, cut), bytes.subarray(cut)]), whole, `cut at ${cut}`);
    assert.equal(streamed([...bytes].map((byte) => Buffer.of(byte))), whole);
  });

test("a word is shown as soon as it has ended", () => {
  const stream = maskStream(plan);
  const shown = Buffer.from(stream.push(Buffer.from("$ ls\r\nfile one\r\n$ "))).toString();
  assert.equal(shown, "$ ls\r\nfile one\r\n$ ");
});

test("endless text without a break is held back up to a bound only", () => {
  const stream = maskStream(plan);
  let sent = 0;
  let shown = 0;
  for (let i = 0; i < 100; i++) {
    const chunk = Buffer.alloc(4096, "ab");
    sent += chunk.length;
    shown += stream.push(chunk).length;
    assert.ok(sent - shown <= 20_000, `${sent - shown} bytes held`);
  }
});

test("a private key without an end swallows everything after it", () => {
  const stream = maskStream(plan);
  const out = [Buffer.from(stream.push(Buffer.from("x -----BEGIN PRIVATE KEY-----\n")))];
  for (let i = 0; i < 100; i++) out.push(Buffer.from(stream.push(Buffer.alloc(1000, "MIIE\n"))));
  assert.equal(Buffer.concat([...out, stream.end()]).toString(), "x [redacted]");
});
