import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Digest, sha256 } from "../../../src/base/bytes.ts";
import { newId } from "../../../src/base/ids.ts";
import { plainText } from "../../../src/core/audit/plain.ts";
import type { JournalEvent } from "../../../src/core/journal/event.ts";
import { headerText } from "../../../src/core/journal/header.ts";
import type { Masked } from "../../../src/core/masking/rule.ts";

const operation = newId("op");
const connection = newId("con");
const request = newId("req");
const digest: Digest = sha256("");

/** Any text, lone surrogates and all. */
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
);
const maskedText = anyText.map((text) => text as Masked<string>);
const texts = fc.array(anyText, { maxLength: 3 });

const events: fc.Arbitrary<JournalEvent> = fc.oneof(
  fc.tuple(maskedText, fc.array(maskedText, { maxLength: 3 }), texts, texts).map(
    ([text, parameters, resources, traits]): JournalEvent => ({
      type: "operation",
      connection,
      operation,
      kind: "statement",
      text,
      parameters,
      effect: "read",
      resources,
      traits,
      digest,
    }),
  ),
  fc.tuple(anyText, fc.option(anyText, { nil: undefined }), fc.option(texts, { nil: undefined })).map(
    ([rule, reason, approvedBy]): JournalEvent => ({
      type: "verdict",
      operation,
      verdict: "deny",
      rule,
      request,
      ...(reason === undefined ? {} : { reason }),
      ...(approvedBy === undefined ? {} : { approvedBy }),
    }),
  ),
  fc.array(fc.tuple(maskedText, fc.boolean(), fc.boolean()), { maxLength: 3 }).map(
    (columns): JournalEvent => ({
      type: "columns",
      operation,
      format: "pg",
      columns: columns.map(([name, masked, binary]) => ({ name, type: "25", masked, binary })),
    }),
  ),
  fc.tuple(maskedText, fc.nat(), texts).map(
    ([status, rows, maskedColumns]): JournalEvent => ({
      type: "result",
      operation,
      status,
      rows,
      bytes: 7,
      recordedRows: 1,
      maskedColumns,
    }),
  ),
  anyText.map((text): JournalEvent => ({ type: "note", text, operation })),
);

test("a header written the short way is the canonical JSON of the event", () => {
  fc.assert(
    fc.property(
      events,
      fc.nat(),
      fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("2999-01-01") }),
      (event, seq, at) => {
        assert.equal(headerText(seq, at, event), plainText({ seq, at, event }));
        // What is remembered of the columns says the same again.
        assert.equal(headerText(seq, at, event), plainText({ seq, at, event }));
      },
    ),
    { numRuns: 500 },
  );
});

test("the bytes of rows are no part of the header", () => {
  const data = Buffer.from("secret") as Uint8Array as Masked<Uint8Array>;
  const at = new Date(0);
  for (const event of [
    { type: "rows", operation, format: "pg", data },
    { type: "output", connection, stream: "out", data },
  ] as const) {
    const { data: _bytes, ...rest } = event;
    assert.equal(headerText(0, at, event), plainText({ seq: 0, at, event: rest }));
  }
});

test("a count that is no number is refused, not written as null", () => {
  const event = {
    type: "result",
    operation,
    status: "SELECT" as Masked<string>,
    rows: Number.POSITIVE_INFINITY,
    bytes: 0,
    recordedRows: 0,
    maskedColumns: [],
  } as const;
  assert.throws(() => headerText(0, new Date(0), event), TypeError);
});
