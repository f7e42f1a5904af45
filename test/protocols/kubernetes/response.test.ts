import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { acceptFor, answerClass } from "../../../src/protocols/kubernetes/negotiate.ts";
import { maskTransform } from "../../../src/protocols/kubernetes/response.ts";
import { masked, maskedAnywhereCut, maskerOf, masksOf, run } from "./answers.ts";

const detect = [{ detect: ["email", "card", "private-key"], how: "redact" }];
const refused = { name: "IhcError", code: "invalid", rule: "unmaskable-answer" };
const pods = {
  isResource: true,
  group: "",
  resource: "pods",
  subresource: "",
  watch: false,
  path: "/api/v1/pods",
};
const path = (text: string) => ({ ...pods, isResource: false, resource: "", path: text });

for (const [accept, expected] of [
  [undefined, "application/json"],
  ["", "application/json"],
  ["*/*", "application/json"],
  ["application/json", "application/json"],
  ["application/vnd.kubernetes.protobuf,application/json", "application/json"],
  ["application/vnd.kubernetes.protobuf, */*;q=0.1", "application/json"],
  [
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
  ],
  [
    "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
  ],
  [
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
  ],
  ["application/json;stream=watch", "application/json;stream=watch"],
  ["APPLICATION/JSON; AS=Table", "application/json;as=Table"],
  [
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json",
  ],
  ["application/json;pretty=1;as=a\\r\\nb", "application/json"],
] as const)
  test(`Accept ${accept} becomes ${expected}`, () => {
    assert.equal(acceptFor(pods, accept), expected);
  });

for (const accept of [
  "application/vnd.kubernetes.protobuf",
  "application/yaml",
  "application/cbor",
  "text/plain",
  "application/json;q=0",
  "application/*;q=0.0,text/html",
])
  test(`a client that takes ${accept} alone is refused`, () => {
    assert.throws(() => acceptFor(pods, accept), { code: "invalid", rule: "not-acceptable" });
  });

test("logs are text, the schema may be anything, all else is objects", () => {
  assert.equal(answerClass({ ...pods, subresource: "log" }), "text");
  assert.equal(answerClass(path("/openapi/v3/apis/apps/v1")), "schema");
  assert.equal(answerClass(path("/openapi/v2")), "schema");
  assert.equal(answerClass(path("/openapi/v2x")), "objects");
  assert.equal(answerClass(path("/healthz")), "text");
  assert.equal(answerClass(path("/apis")), "objects");
  assert.equal(answerClass({ ...pods, subresource: "status" }), "objects");
  assert.equal(
    acceptFor(path("/openapi/v2"), "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"),
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
  );
  assert.equal(acceptFor({ ...pods, subresource: "log" }, "text/plain"), "application/json, */*");
});

for (const headers of [
  { "content-type": "application/vnd.kubernetes.protobuf" },
  { "content-type": "application/yaml" },
  { "content-type": "application/cbor" },
  { "content-type": "text/plain" },
  { "content-type": "text/html" },
  { "content-type": "application/jsonx" },
  { "content-type": "application/json", "content-encoding": "gzip" },
  { "content-type": "application/json", "content-encoding": "identity, gzip" },
  {},
])
  test(`an answer that may hold objects is refused as ${JSON.stringify(headers)}`, () => {
    assert.throws(() => maskerOf({ headers }), refused);
    if (!("content-encoding" in headers)) return;
    assert.throws(() => maskerOf({ headers, asked: { subresource: "log" } }), refused);
    assert.throws(() => maskerOf({ headers, asked: path("/openapi/v2") }), refused);
  });

test("an answer without a body stays without one", () => {
  for (const answer of [
    { status: 204, headers: {} },
    { status: 304, headers: {} },
    { headers: { "content-length": "0" } },
  ]) {
    assert.equal(masked("", answer), "");
    assert.throws(() => masked("{}", answer), refused);
  }
});

const log =
  "started for ana@leak.example\n4111 1111 1111 1111 paid\n-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nlast";
const logs = { rules: detect, asked: { subresource: "log" }, headers: { "content-type": "text/plain" } };

test("a log comes out the same wherever it is cut", () => {
  assert.deepEqual(
    [...maskedAnywhereCut(log, logs)],
    ["started for [redacted]\n[redacted] paid\n[redacted]\nlast"],
  );
});

test("a line of a log goes out when it is complete", () => {
  const mask = maskerOf(logs);
  assert.equal(Buffer.from(mask.push(Buffer.from("one ana@leak.example\n"))).toString(), "one [redacted]\n");
});

test("what something behind a proxy says is read as text or JSON", () => {
  const proxy = { rules: detect, asked: { resource: "services", subresource: "proxy" } };
  const page = masked("<p>ana@leak.example</p>", { ...proxy, headers: { "content-type": "text/html" } });
  assert.equal(page, "<p>[redacted]</p>");
  assert.equal(
    masked({ kind: "Secret", stringData: { a: "x" } }, proxy),
    '{"kind":"Secret","stringData":{"a":"[redacted]"}}',
  );
  assert.throws(
    () => maskerOf({ ...proxy, headers: { "content-type": "application/octet-stream" } }),
    refused,
  );
});

test("an error of a log is a Status", () => {
  const status = { kind: "Status", message: "mail ana@leak.example" };
  assert.match(
    masked(status, { ...logs, status: 400, headers: { "content-type": "application/json" } }),
    /mail \[redacted\]/,
  );
  assert.equal(
    masked("404 page not found\n", { status: 404, headers: { "content-type": "text/plain; charset=utf-8" } }),
    "404 page not found\n",
  );
});

test("where nothing can need a mask, the very chunks are passed on, counted", () => {
  const nodes = { asked: { resource: "nodes" } };
  assert.ok(masksOf([], nodes.asked).inert);
  const body = `{"kind":"NodeList","items":[${Array.from({ length: 40 }, (_, i) => `{"metadata":{"name":"n${i}"}}`).join()}]}`;
  for (const step of [1, 7, 12, 13, 14, 100]) {
    const answer = run(body, { ...nodes, step });
    assert.equal(answer.text, body);
    assert.equal(answer.objects, 40);
  }
  const mask = maskerOf(nodes);
  const chunk = Buffer.from(body);
  assert.equal(mask.push(chunk), chunk);
});

test("what can need a mask is never passed on unread", () => {
  for (const [rules, asked] of [
    [[], { resource: "secrets" }],
    [[], { resource: "configmaps" }],
    [[], { resource: "pods" }],
    [[], { resource: "deployments", group: "apps" }],
    [[], { resource: "widgets", group: "acme.io" }],
    [[{ env: [] }], { resource: "widgets", group: "acme.io" }],
    [[{ env: [] }], { resource: "secrets" }],
    [detect, { resource: "nodes" }],
    [[], { resource: "events" }],
    [[{ fields: ["nodes/spec/providerID"] }], { resource: "nodes" }],
    [[{ fields: ["*/spec/providerID"] }], { resource: "nodes" }],
    [[], { resource: "nodes", subresource: "proxy" }],
    [[], { isResource: false, resource: "", path: "/apis" }],
  ] as const)
    assert.equal(masksOf(rules, asked).inert, false, JSON.stringify(asked));
  assert.equal(masksOf([{ env: [] }], { resource: "pods" }).inert, true);
});

test("a mask that fails ends the stream with an error, and lets nothing more out", async () => {
  const transform = maskTransform(maskerOf());
  const body = Readable.from([Buffer.from('{"items":[{"a":1},'), Buffer.from("oops"), Buffer.from("{}]}")]);
  const out = buffer(transform);
  await assert.rejects(pipeline(body, transform), { code: "invalid" });
  await assert.rejects(out, { code: "invalid" });
});

test("the mask as a stream gives all of it", async () => {
  const transform = maskTransform(maskerOf({ rules: detect }));
  const out = buffer(transform);
  await pipeline(Readable.from([Buffer.from('{"a":"ana@'), Buffer.from('leak.example"}')]), transform);
  assert.equal((await out).toString(), '{"a":"[redacted]"}');
});
