import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { bytesOf, classified } from "./requests.ts";

const pods = "POST /api/v1/namespaces/a/pods";
const pod = "PATCH /api/v1/namespaces/a/pods/x";
const review = "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const apply = "application/apply-patch+yaml";
const json = "application/json-patch+json";
const protobuf = "application/vnd.kubernetes.protobuf";

suite("a body is refused", () => {
  const deep = `${'{"a":'.repeat(300)}1${"}".repeat(300)}`;
  const rows: readonly [what: string, line: string, type: string | undefined, body: unknown, rule: string][] =
    [
      ["where none belongs", "GET /api/v1/namespaces/a/pods", undefined, {}, "unexpected-body"],
      ["that is no JSON", pods, undefined, "{", "unreadable-body"],
      ["that is two values", pods, undefined, "{}{}", "unreadable-body"],
      ["with a byte order mark", pods, undefined, "\ufeff{}", "unreadable-body"],
      ["that is no UTF-8", pods, undefined, Buffer.from('{"a":"\xff"}', "latin1"), "unreadable-body"],
      ["that is a list", pods, undefined, "[]", "unreadable-body"],
      ["that is nested too deeply", pods, undefined, deep, "unreadable-body"],
      ["with a member twice", pods, undefined, '{"spec":{"a":1,"a":2}}', "ambiguous-body"],
      [
        "with a member twice, once with escapes",
        pods,
        undefined,
        '{"kind":1,"k\\u0069nd":2}',
        "ambiguous-body",
      ],
      ["in protobuf", pods, protobuf, envelope("v1", "Pod"), "protobuf-body"],
      ["in protobuf for another kind", review, protobuf, envelope("v1", "Pod"), "protobuf-body"],
      ["in protobuf without its magic", review, protobuf, "{}", "protobuf-body"],
      ["in CBOR", pods, "application/cbor", "\xa0", "content-type"],
      ["as a form", pods, "application/x-www-form-urlencoded", "a=b", "content-type"],
      ["of a patch without type", pod, undefined, {}, "content-type"],
      ["of a patch as an object", pod, "application/json", {}, "content-type"],
      ["of a JSON patch that is none", pod, json, {}, "unreadable-body"],
      ["of a JSON patch without path", pod, json, [{ op: "add" }], "unreadable-body"],
      [
        "of a JSON patch with an unknown operation",
        pod,
        json,
        [{ op: "steal", path: "/a" }],
        "unreadable-body",
      ],
      [
        "that copies",
        pod,
        json,
        [{ op: "copy", from: "/spec", path: "/metadata/annotations" }],
        "json-patch-copy",
      ],
      ["that moves", pod, json, [{ op: "move", from: "/a", path: "/b" }], "json-patch-copy"],
      [
        "that patches a secret in steps",
        "PATCH /api/v1/namespaces/a/secrets/x",
        json,
        [{ op: "test", path: "/data/p", value: "eA==" }],
        "json-patch-secret",
      ],
      [
        "that patches a config map in steps",
        "PATCH /api/v1/namespaces/a/configmaps/x",
        json,
        [],
        "json-patch-secret",
      ],
      [
        "of a DELETE that is no options",
        "DELETE /api/v1/namespaces/a/pods/x",
        undefined,
        { kind: "Pod" },
        "unexpected-body",
      ],
      [
        "whose dry run is only in the query",
        "DELETE /api/v1/namespaces/a/pods/x?dryRun=All",
        undefined,
        { kind: "DeleteOptions" },
        "dry-run-conflict",
      ],
      ["with a mask's placeholder", pods, undefined, { spec: { x: "[redacted]" } }, "placeholder"],
      ["with a placeholder in escapes", pods, undefined, '{"x":"\\u005bredacted\\u005d"}', "placeholder"],
      [
        "with a placeholder in base64",
        "PUT /api/v1/namespaces/a/secrets/x",
        undefined,
        { data: { p: Buffer.from("[redacted]").toString("base64") } },
        "placeholder",
      ],
      ["with a placeholder in YAML", pod, apply, "spec:\n  x: '[redacted]'\n", "placeholder"],
    ];
  for (const [what, line, type, body, rule] of rows)
    test(`${what}: ${rule}`, () => {
      const operation = classified(line, { ...(type ? { type } : {}), body });
      assert.equal(operation.refusal?.rule, rule);
      assert.equal(operation.effect, "unknown");
    });

  test("that is compressed", () => {
    const sent = { body: {}, headers: { "content-encoding": "gzip" } };
    assert.equal(classified(pods, sent).refusal?.rule, "encoded-body");
  });
});

suite("a body in YAML", () => {
  test("is sent as the JSON that was judged", () => {
    const body = "kind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - image: 'x:1'\n    tty: true\n";
    const operation = classified(pods, { type: "application/yaml", body });
    const meant = {
      kind: "Pod",
      metadata: { name: "web" },
      spec: { containers: [{ image: "x:1", tty: true }] },
    };
    assert.deepEqual(JSON.parse(Buffer.from(operation.body ?? []).toString()), meant);
    assert.equal(operation.contentType, "application/json");
    assert.equal(operation.attributes?.name, "web");
  });

  test("of an apply keeps its type, and is an apply", () => {
    const operation = classified(`${pod}?fieldManager=k&force=true`, {
      type: apply,
      body: "spec:\n  a: 1\n",
    });
    assert.equal(operation.contentType, apply);
    assert.equal(Buffer.from(operation.body ?? []).toString(), '{"spec":{"a":1}}');
    assert.deepEqual(operation.traits, ["apply"]);
  });

  const unclear: readonly string[] = [
    "a: &x [1]\nb: *x\n",
    "a: &x 1\n",
    "a: &x [1]\n",
    "a: &x {b: 1}\n",
    "a: !!binary aGk=\n",
    "a: !custom {b: 1}\n",
    "a: !x [1]\n",
    "<<: {a: 1}\n",
    "a:\n  '<<': {b: 1}\n",
    "a: yes\n",
    "a: Off\n",
    "yes: 1\n",
    "a: 0777\n",
    "a: 0x1F\n",
    "a: 1_000\n",
    "a: 1:30\n",
    "a: 2001-12-14\n",
    "a: .inf\n",
    "a: 12345678901234567890\n",
    "a: 1\na: 2\n",
    "a: 1\n---\nb: 2\n",
    "%YAML 1.1\n---\na: 1\n",
    "a:\t1\n",
    "? [a]\n: 1\n",
    "a: [\n",
    `a: ${"[".repeat(5000)}${"]".repeat(5000)}\n`,
    `${"- ".repeat(5000)}a\n`,
  ];
  for (const body of unclear)
    test(`${JSON.stringify(body.slice(0, 40))} is not read alike by everybody`, () => {
      const operation = classified(pod, { type: apply, body });
      assert.match(operation.refusal?.rule ?? "", /^(?:unclear-yaml|unreadable-body)$/);
    });

  test("is read in time, however many members it has", () => {
    const body = Array.from({ length: 15_000 }, (_, at) => `k${at}:`).join("\n");
    assert.equal(classified(pod, { type: apply, body }).refusal, undefined);
  });

  test("is refused when it is long", () => {
    const body = `a: |\n${"  x\n".repeat(100_000)}`;
    assert.equal(classified(pod, { type: apply, body }).refusal?.rule, "yaml-too-long");
  });

  test("says the same as the JSON it was made from", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        fc.constantFrom("a", "yes", "0777", "1e3", "", "x: y", "#"),
        fc.integer(),
        fc.boolean(),
        tie("list"),
        tie("map"),
      ),
      list: fc.array(tie("any"), { maxLength: 3 }),
      map: fc.dictionary(fc.constantFrom("a", "b", "no", "12"), tie("any"), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    })).map;
    fc.assert(
      fc.property(value, (body) => {
        const lines = asYaml(body, "");
        const operation = classified(pod, { type: apply, body: `x: 1\nz:${lines}` });
        assert.equal(operation.refusal, undefined);
        assert.deepEqual(JSON.parse(Buffer.from(operation.body ?? []).toString()), { x: 1, z: body });
      }),
    );
  });
});

suite("a question about one's own rights", () => {
  test("passes in protobuf, as client-go asks it", () => {
    const body = envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview");
    const operation = classified(review, { type: protobuf, body });
    assert.equal(operation.refusal, undefined);
    assert.equal(operation.effect, "read");
    assert.equal(operation.contentType, protobuf);
    assert.deepEqual(Buffer.from(operation.body ?? []), Buffer.from(body));
    assert.equal(operation.parameters[1], Buffer.from(body).toString("base64"));
  });

  test("must be one envelope with one type, whatever the bytes", () => {
    const good = Buffer.from(envelope("authorization.k8s.io/v1", "SelfSubjectAccessReview"));
    const type = good.subarray(4, good.length - 4);
    for (const body of [
      Buffer.concat([good, type]),
      good.subarray(0, 20),
      Buffer.concat([good, Buffer.of(0xff)]),
    ]) {
      const { refusal } = classified(review, { type: protobuf, body });
      assert.equal(refusal?.rule, "protobuf-body");
      assert.match(refusal?.hint ?? "", /kubectl apply -f -/);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const body = Buffer.concat([Buffer.from("k8s\0"), bytes]);
        assert.equal(classified(pods, { type: protobuf, body }).refusal?.rule, "protobuf-body");
      }),
    );
  });
});

suite("the recording of a body", () => {
  test("holds no values of secrets, variables, annotations and command lines", () => {
    const canary = "CANARY";
    for (const [line, body] of [
      ["POST /api/v1/namespaces/a/secrets", { data: { p: canary }, stringData: { q: canary } }],
      ["POST /api/v1/namespaces/a/configmaps", { data: { p: canary }, binaryData: { q: canary } }],
      [pods, { spec: { containers: [{ env: [{ name: "P", value: canary }], args: [canary] }] } }],
      [pods, { metadata: { annotations: { a: `{"p":"${canary}"}` } } }],
    ] as const) {
      const operation = classified(line, { body });
      assert.ok(operation.parameters.join("").includes(canary));
      assert.ok(!JSON.stringify(operation.shown?.parameters ?? [canary]).includes(canary), line);
    }
  });

  test("holds the body as it is where there is nothing of that kind", () => {
    assert.equal(classified(pods, { body: { spec: { nodeName: "n" } } }).shown, undefined);
  });
});

suite("a dry run", () => {
  const rows: readonly [string, unknown, boolean][] = [
    ["DELETE /api/v1/namespaces/a/pods/x", { dryRun: ["All"] }, true],
    ["DELETE /api/v1/namespaces/a/pods/x?dryRun=All", { dryRun: ["All"] }, true],
    ["DELETE /api/v1/namespaces/a/pods/x", { dryRun: ["all"] }, false],
    ["DELETE /api/v1/namespaces/a/pods/x", { dryRun: "All" }, false],
    ["DELETE /api/v1/namespaces/a/pods/x", { dryrun: ["All"] }, false],
    ["POST /api/v1/namespaces/a/pods/x/eviction", { deleteOptions: { dryRun: ["All"] } }, true],
    ["POST /api/v1/namespaces/a/pods?dryRun=All", {}, true],
    ["POST /api/v1/namespaces/a/pods", { dryRun: ["All"] }, false],
  ];
  for (const [line, body, dry] of rows)
    test(`${line} with ${JSON.stringify(body)} is ${dry ? "one" : "none"}`, () => {
      const operation = classified(line, { body });
      assert.equal(operation.traits.includes("dry-run"), dry);
      assert.notEqual(operation.effect, "read");
    });
});

/** `k8s\0`, runtime.Unknown { typeMeta, raw: two bytes }. */
function envelope(apiVersion: string, kind: string): Uint8Array {
  const field = (number: number, value: Uint8Array) =>
    Buffer.concat([Buffer.of((number << 3) | 2, value.length), value]);
  const meta = Buffer.concat([field(1, bytesOf(apiVersion)), field(2, bytesOf(kind))]);
  return Buffer.concat([Buffer.from("k8s\0"), field(1, meta), field(2, Buffer.of(0x0a, 0x00))]);
}

function asYaml(value: unknown, indent: string): string {
  if (Array.isArray(value))
    return value.length === 0
      ? " []\n"
      : `\n${value.map((one) => `${indent} -${asYaml(one, `${indent}  `)}`).join("")}`;
  if (typeof value !== "object" || value === null) return ` ${JSON.stringify(value)}\n`;
  const members = Object.entries(value);
  if (members.length === 0) return " {}\n";
  return `\n${members.map(([key, one]) => `${indent}  ${JSON.stringify(key)}:${asYaml(one, `${indent}  `)}`).join("")}`;
}
