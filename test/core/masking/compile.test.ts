import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { type DetectorName, detectorNames, type How } from "../../../src/core/masking/rule.ts";
import { texts } from "./samples.ts";

const key = Buffer.alloc(32, 1);
const hows = ["redact", "partial", "hash", "null"] as const satisfies How[];
const plans = new Map(hows.map((how) => [how, plan(how)]));

function plan(how: How, detect: readonly DetectorName[] = detectorNames) {
  return compileMasks({ mode: "strict", rules: [{ detect, how }] }, key);
}

for (const [how, masks] of plans) {
  test(`masking what is masked changes nothing (${how})`, () => {
    fc.assert(
      fc.property(texts, (text) => {
        const once = masks.text(text);
        assert.equal(masks.text(once), once);
        assert.deepEqual(masks.find(Buffer.from(once), 0, Buffer.byteLength(once)), []);
      }),
      { numRuns: 1500 },
    );
  });
}

test("a text in which nothing is found is the very buffer that came, and only then", () => {
  const masks = plan("redact");
  fc.assert(
    fc.property(texts, (text) => {
      const bytes = Buffer.from(text);
      const found = masks.find(bytes, 0, bytes.length).length > 0;
      const same: unknown = masks.bytes(bytes);
      assert.equal(same === bytes, !found);
      assert.equal(masks.text(text) === text, !found);
    }),
  );
});

test("what the prefilter clears holds no match, wherever it stands", () => {
  const masks = plan("redact");
  fc.assert(
    fc.property(texts, fc.uint8Array({ maxLength: 6 }), (text, around) => {
      const value = Buffer.from(text);
      const framed = Buffer.concat([around, value, around]);
      if (masks.find(value, 0, value.length).length > 0) assert.ok(masks.suspects(framed, 0, framed.length));
    }),
    { numRuns: 1500 },
  );
});

test("each value keeps to its own range of the buffer", () => {
  const masks = plan("redact");
  const framed = Buffer.from("4111111111111111|a@leak.example|");
  assert.deepEqual(masks.find(framed, 1, 16), []);
  assert.deepEqual(masks.find(framed, 17, 22), []);
  assert.equal(masks.find(framed, 17, 31).length, 1);
});

const found: readonly (readonly [DetectorName, string])[] = [
  ["email", "canary.zoë@leak.example"],
  ["email", "ana+tag@mail.leak.example"],
  ["email", "ana@münchen.example"],
  ["email", "ana%40leak.example"],
  ["email", "用户@例子.公司"],
  ["email", "a@xn--mnchen-3ya.example"],
  ["card", "4111111111111111"],
  ["card", "4111 1111 1111 1111"],
  ["card", "4111-1111-1111-1111"],
  ["card", "340000000000009"],
  ["card", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"],
  ["card", "**4111111111111111**"],
  ["ssn", "900-11-2233"],
  ["ssn", "900 11 2233"],
  ["ssn", "ssn:123-45-6789."],
  ["jwt", "Bearer eyJhbGciOiJub25lIn0.eyJhIjoxfQ."],
  ["aws-key", "AKIAABCDEFGHIJKLMNOP"],
  ["aws-key", 'aws_secret_access_key="wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab"'],
  ["private-key", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl"],
  ["private-key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----"],
  ["api-key", "sk_live_CANARYTOKEN4242"],
  ["api-key", "ghp_0123456789abcdefghij0123456789abcdef"],
  ["api-key", "xoxb-123456789012-abcdefghijkl"],
  ["api-key", "AIzaSyA0123456789abcdefghijklmnopqrstuv"],
];
for (const [name, text] of found)
  test(`the ${name} detector finds ${JSON.stringify(text).slice(0, 50)}, alone and inside of text`, () => {
    for (const whole of [text, `see ${text} there`, `(${text})`, `{"a":"${text}"}`]) {
      assert.notEqual(plan("redact", [name]).text(whole), whole);
      assert.notEqual(plan("redact").text(whole), whole);
    }
    const others = detectorNames.filter((other) => other !== name);
    assert.equal(
      plan(
        "redact",
        others.filter((other) => other !== "private-key"),
      ).text(text),
      text,
    );
  });

for (const text of [
  "user@host",
  "@decorator",
  "a @ b.io",
  "npm i foo@1.2.3",
  "4111111111111112",
  "2026-11-23 10:00:00.123456+00",
  "10.0.0.1",
  "550e8400-e29b-41d4-a716-446655440000",
  "+49 555 0199",
  "1234-56-789",
  "2024-01-15",
  "eyJhbGci",
  "AKIA",
  "sk_live_",
  "52.370216000000013",
  "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
  "-----BEGIN PUBLIC KEY-----",
  "9223372036854775807",
])
  test(`no detector takes ${JSON.stringify(text)} for a secret`, () => {
    assert.equal(plan("redact").text(text), text);
  });

test("partial masks keep a shape and little else", () => {
  const { value, text } = plan("partial");
  const shown = (v: string): readonly string[] => [value("partial", v), text(v)];
  assert.deepEqual(shown("canary.zoë@leak.example"), Array(2).fill("c***@***.example"));
  assert.deepEqual(shown("4111 1111 1111 1111"), ["************1111", "[************1111]"]);
  assert.deepEqual(shown("900-11-2233"), Array(2).fill("***-**-****"));
  assert.equal(value("partial", "+49-555-01990"), "+**-***-***90");
  assert.equal(value("partial", "Ada"), "A***");
  assert.equal(value("partial", ""), "***");
  assert.equal(value("partial", "7391"), "****");
});

test("partial masks of a whole value are stable", () => {
  const { value } = plan("partial");
  fc.assert(
    fc.property(texts, (text) => {
      const once = value("partial", text);
      assert.equal(value("partial", once), once);
    }),
  );
});

test("a hash tells equal values from different ones, and depends on the key", () => {
  const { value } = plan("hash");
  assert.equal(value("hash", "a"), value("hash", "a"));
  assert.notEqual(value("hash", "a"), value("hash", "b"));
  const other = compileMasks({ mode: "strict", rules: [] }, Buffer.alloc(32, 2));
  assert.notEqual(value("hash", "a"), other.value("hash", "a"));
});

test("work grows with the length only, whatever the text repeats", () => {
  const masks = plan("redact");
  const pieces = [
    "@",
    "a@",
    "a@b.",
    "%40",
    "eyJ",
    "eyJa.",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY",
    "4 ",
    "41-",
    "4",
    "AKIA",
    "sk_live_",
    '"',
    "\\u0040",
    '"\\',
  ];
  for (const piece of pieces) {
    const bytes = Buffer.from(piece.repeat(Math.ceil(2_000_000 / piece.length)));
    masks.bytes(bytes);
    masks.json(bytes.subarray(0, 500_000));
    masks.suspects(bytes, 0, bytes.length);
  }
});

test("every leaf of a JSON text is masked and keeps its type", () => {
  const masks = plan("redact");
  const json = (text: string): string => Buffer.from(masks.json(Buffer.from(text))).toString();
  assert.equal(
    json(
      '{ "a\\u0040leak.example": ["x\\u0040leak.example", 4111111111111111, 1.50, true, null], "t": "a\\nb" }',
    ),
    '{ "[redacted]": ["[redacted]", 0, 1.50, true, null], "t": "a\\nb" }',
  );
  assert.equal(json("not json a@leak.example"), "not json [redacted]");
  fc.assert(
    fc.property(fc.json(), (text) => {
      const masked: unknown = JSON.parse(json(text));
      assert.equal(typeof masked, typeof JSON.parse(text));
    }),
  );
});
