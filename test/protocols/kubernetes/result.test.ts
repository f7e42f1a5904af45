import assert from "node:assert/strict";
import { test } from "node:test";
import { newId, type OperationId } from "../../../src/base/ids.ts";
import type { JournalEvent } from "../../../src/core/journal/event.ts";
import { transcriber } from "../../../src/core/journal/transcript.ts";
import { compileMasks } from "../../../src/core/masking/compile.ts";
import { parseMasking } from "../../../src/core/masking/parse.ts";
import { decodeAnswers } from "../../../src/protocols/kubernetes/decode.ts";
import { objectMasks } from "../../../src/protocols/kubernetes/masks.ts";
import { responseMasker } from "../../../src/protocols/kubernetes/response.ts";
import { Result } from "../../../src/protocols/kubernetes/result.ts";

const plan = compileMasks(parseMasking([{ detect: ["email"] }]), Buffer.alloc(32, 3));
const operation: OperationId = newId("op");
const secret = { kind: "Secret", data: { password: "Q0FOQVJZ" } };

function record(
  limits: { readonly rows: number; readonly bytes: number },
  body: unknown,
  asked: { readonly resource: string; readonly subresource?: string; readonly watch?: boolean },
  type = "application/json",
): readonly JournalEvent[] {
  const events: JournalEvent[] = [];
  const result = new Result(
    { recording: limits, masks: plan, record: (event) => events.push(event) },
    operation,
  );
  const about = { isResource: true, group: "", subresource: "", watch: false, path: "", ...asked };
  const head = { status: 200, headers: { "content-type": type } };
  const mask = responseMasker(objectMasks(plan)(about), about, head, result);
  const bytes = Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  for (let at = 0; at < bytes.length; at += 50) mask.push(bytes.subarray(at, at + 50));
  mask.end();
  result.end("200 OK for ana@leak.example", mask.counts());
  return events;
}

function data(events: readonly JournalEvent[]): string {
  return events.map((event) => (event.type === "rows" ? Buffer.from(event.data).toString() : "")).join("");
}

const all = { rows: 1000, bytes: 1_000_000 };

test("an answer is recorded masked, one object a line, with counts and the fields that were masked", () => {
  const events = record(all, { kind: "SecretList", items: [secret, secret] }, { resource: "secrets" });
  assert.deepEqual(
    events.map(({ type }) => type),
    ["columns", "rows", "result"],
  );
  const line = '{"kind":"Secret","data":{"password":"W3JlZGFjdGVkXQ=="}}\n';
  assert.equal(data(events), line + line);
  assert.deepEqual(events.at(-1), {
    type: "result",
    operation,
    status: "200 OK for [redacted]",
    rows: 2,
    bytes: 145,
    recordedRows: 2,
    maskedColumns: ["data/password"],
  });
});

test("beyond the recording's limits an answer is counted only", () => {
  const body = { kind: "SecretList", items: Array.from({ length: 50 }, () => secret) };
  for (const limits of [
    { rows: 3, bytes: 1_000_000 },
    { rows: 1000, bytes: 200 },
  ]) {
    const events = record(limits, body, { resource: "secrets" });
    const result = events.at(-1);
    assert.equal(data(events).split("\n").length - 1, 3);
    assert.ok(result?.type === "result" && result.rows === 50 && result.recordedRows === 3);
  }
});

test("an answer that nothing needs masking in is recorded too", () => {
  const plain = compileMasks(parseMasking([]), Buffer.alloc(32));
  assert.ok(
    objectMasks(plain)({
      isResource: true,
      group: "",
      resource: "nodes",
      subresource: "",
      watch: false,
      path: "",
    }).inert,
  );
  const node = { metadata: { name: "n1" } };
  const events: JournalEvent[] = [];
  const result = new Result(
    { recording: { rows: 2, bytes: 10_000 }, masks: plain, record: (event) => events.push(event) },
    operation,
  );
  const about = { isResource: true, group: "", resource: "nodes", subresource: "", watch: false, path: "" };
  const mask = responseMasker(
    objectMasks(plain)(about),
    about,
    { status: 200, headers: { "content-type": "application/json" } },
    result,
  );
  const bytes = Buffer.from(
    JSON.stringify({ kind: "NodeList", items: Array.from({ length: 9 }, () => node) }),
  );
  for (let at = 0; at < bytes.length; at += 40) mask.push(bytes.subarray(at, at + 40));
  mask.end();
  result.end("200 OK", mask.counts());
  assert.equal(data(events), `${JSON.stringify(node)}\n`.repeat(2));
  assert.ok(events.some((event) => event.type === "result" && event.rows === 9 && event.recordedRows === 2));
});

test("events of a watch are recorded one a line, a log as its text", () => {
  const event = JSON.stringify({ type: "ADDED", object: secret });
  const watched = record(all, `${event}\n${event}\n`, { resource: "secrets", watch: true });
  assert.equal(data(watched).split("\n").length, 3);
  const log = record(
    { rows: 1, bytes: 20 },
    "to ana@leak.example\nand more and more\n",
    { resource: "pods", subresource: "log" },
    "text/plain",
  );
  assert.equal(data(log), "to [redacted]\nand mor".slice(0, 20));
});

test("a recorded answer reads in a transcript", () => {
  const events = record(all, { kind: "SecretList", items: [secret] }, { resource: "secrets" });
  const transcript = transcriber({ k8s: decodeAnswers, "k8s-text": decodeAnswers });
  const text = events.map((event, seq) => transcript({ seq, at: new Date(0), event })).join("");
  assert.match(text, /"password":"W3JlZGFjdGVkXQ=="/);
  assert.match(text, /\(1 row\)/);
  assert.match(text, /masked: data\/password/);
});
