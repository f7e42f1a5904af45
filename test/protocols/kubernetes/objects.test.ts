import assert from "node:assert/strict";
import { test } from "node:test";
import { base64, masked, run } from "./answers.ts";

const canary = "CANARY-7f3a";
const hidden = base64("[redacted]");
const secrets = { asked: { resource: "secrets" } };
const detect = [{ detect: ["email", "card", "aws-key", "private-key"], how: "redact" }];

function free(text: string): void {
  for (const form of [canary, base64(canary), base64(base64(canary))])
    assert.ok(!text.includes(form), text.slice(0, 2000));
}

test("values of a Secret are replaced and stay valid base64, names stay", () => {
  const text = masked({ kind: "Secret", data: { a: base64(canary), "tls.key": base64(canary) } }, secrets);
  assert.equal(text, `{"kind":"Secret","data":{"a":"${hidden}","tls.key":"${hidden}"}}`);
  assert.equal(
    masked({ kind: "Secret", stringData: { a: canary } }, secrets),
    '{"kind":"Secret","stringData":{"a":"[redacted]"}}',
  );
});

const secret = { apiVersion: "v1", data: { k: base64(canary) }, kind: "Secret", stringData: { s: canary } };
const shapes: readonly (readonly [name: string, body: unknown, resource: string])[] = [
  ["after its data, as sorted names have it", secret, "pods"],
  ["in a list of Secrets without kinds", { kind: "SecretList", items: [{ data: secret.data }] }, "secrets"],
  ["in a list of Secrets that were not asked for", { items: [secret], kind: "SecretList" }, "pods"],
  ["in a List without kinds", { kind: "List", items: [{ metadata: {}, data: secret.data }] }, "secrets"],
  ["in a List", { kind: "List", apiVersion: "v1", items: [{ kind: "Pod" }, secret] }, "widgets"],
  [
    "in a list inside of a custom resource",
    { kind: "Bundle", spec: { x: { kind: "SecretList", items: [{ data: secret.data }] } } },
    "bundles",
  ],
  ["that says it is something else", { ...secret, kind: "ConfigMap" }, "secrets"],
  ["in a custom resource", { kind: "SealedThing", spec: { template: [[secret]] } }, "sealedthings"],
  ["with another version", { ...secret, apiVersion: "v9" }, "pods"],
  [
    "in a table",
    { kind: "Table", columnDefinitions: [], rows: [{ cells: ["a", "Opaque", 1], object: secret }] },
    "secrets",
  ],
  [
    "in a table without a kind",
    { kind: "Table", rows: [{ cells: ["a"], object: { data: secret.data } }] },
    "secrets",
  ],
  [
    "in an annotation",
    {
      kind: "PartialObjectMetadata",
      metadata: {
        annotations: { "kubectl.kubernetes.io/last-applied-configuration": `${JSON.stringify(secret)}\n` },
      },
    },
    "secrets",
  ],
  [
    "in another tool's annotation",
    { kind: "Pod", metadata: { annotations: { "kapp.k14s.io/original": JSON.stringify(secret) } } },
    "pods",
  ],
  [
    "in JSON in JSON",
    { kind: "ConfigMap", data: { a: JSON.stringify({ b: JSON.stringify(secret) }) } },
    "configmaps",
  ],
  ["in JSON behind space", { kind: "ConfigMap", data: { a: `\n  ${JSON.stringify(secret)}` } }, "configmaps"],
  [
    "in one of several documents",
    { kind: "ConfigMap", data: { a: `{"a":1}\n${JSON.stringify(secret)}` } },
    "configmaps",
  ],
  ["with nested data", { kind: "Secret", data: { a: { b: [base64(canary)] } } }, "pods"],
  ["with data that is a text", { kind: "Secret", data: base64(canary) }, "pods"],
  ["with data in a list's head", { kind: "SecretList", data: { a: base64(canary) }, items: [] }, "pods"],
  ["with data in a list's tail", { items: [], data: { a: base64(canary) }, kind: "Foo" }, "pods"],
  ["with a name in capitals", { Kind: "Secret", Data: { a: base64(canary) } }, "secrets"],
];
for (const [name, body, resource] of shapes)
  test(`a Secret ${name} is masked`, () => {
    const asked = { resource, group: resource.endsWith("s") && resource.length > 9 ? "acme.io" : "" };
    const text = masked(body, {
      asked: resource === "secrets" || resource === "configmaps" ? { resource } : asked,
    });
    free(text);
    assert.deepEqual(Object.keys(JSON.parse(text)), Object.keys(Object(body)), "the shape stays");
  });

for (const [name, body] of [
  ["data", `{"kind":"Secret","data":{"a":"x"},"data":{"a":"${base64(canary)}"}}`],
  ["data, the first counts too", `{"kind":"Secret","data":{"a":"${base64(canary)}"},"data":{}}`],
  ["kind", `{"kind":"Secret","kind":"Pod","data":{"a":"${base64(canary)}"}}`],
  ["kind, in the other order", `{"kind":"Pod","data":{"a":"${base64(canary)}"},"kind":"Secret"}`],
  ["items", `{"kind":"SecretList","items":[],"items":[{"data":{"a":"${base64(canary)}"}}]}`],
  [
    "items after another list",
    `{"kind":"SecretList","rows":[{}],"items":[{"data":{"a":"${base64(canary)}"}}],"x":1}`,
  ],
] as const)
  test(`a member that is there twice hides nothing: ${name}`, () => {
    for (const resource of ["secrets"]) free(masked(body, { asked: { resource } }));
    free(masked(body.replace("SecretList", "SecretList"), { asked: { resource: "secrets" }, step: 3 }));
  });

test("escapes in names hide nothing", () => {
  for (const body of [
    `{"kind":"Secret","d\\u0061ta":{"a":"${base64(canary)}"}}`,
    `{"\\u006bind":"Secret","data":{"a":"${base64(canary)}"}}`,
    `{"kind":"S\\u0065cret","data":{"a":"${base64(canary)}"}}`,
    `{"kind":"List","it\\u0065ms":[{"kind":"Secret","string\\u0044ata":{"a":"${canary}"}}]}`,
    `{"spec":{"env":[{"n\\u0061me":"DB_PASSWORD","v\\u0061lue":"${canary}"}]}}`,
    `{"spec":{"env":[{"name":"DB_P\\u0041SSWORD","value":"${canary}"}]}}`,
    `{"metadata":{"annotations":{"kubectl.kubernetes.io\\/last-applied-configuration":"{\\"kind\\":\\"Secret\\",\\"data\\":{\\"a\\":\\"${base64(canary)}\\"}}"}}}`,
  ])
    free(masked(body, { asked: { resource: "pods" } }));
});

test("variables are masked by name wherever a template stands", () => {
  const env = [
    { name: "MODE", value: "production" },
    { name: "DB_PASSWORD", value: canary },
    { value: canary, name: "stripe-api_key" },
    { name: "TOKEN_FILE", value: "/run/token" },
    { name: "AUTH_TOKEN", valueFrom: { secretKeyRef: { name: "a", key: "b" } } },
  ];
  const spec = { containers: [{ env }], initContainers: [{ env }], ephemeralContainers: [{ env }] };
  for (const body of [
    { kind: "Pod", spec },
    { kind: "Deployment", spec: { template: { spec } } },
    { kind: "CronJob", spec: { jobTemplate: { spec: { template: { spec } } } } },
    { kind: "Rollout", spec: { deep: [{ er: { template: { spec } } }] } },
    { kind: "ControllerRevision", data: { spec: { template: { spec } } } },
    { kind: "Widget", spec: { env: { DB_PASSWORD: canary, MODE: "production" } } },
  ]) {
    const { text, masked: fields } = run(body);
    free(text);
    assert.match(text, /production/);
    assert.ok(fields.includes("env/DB_PASSWORD"), fields.join());
    if (!("env" in Object(body.spec))) assert.match(text, /\/run\/token/);
  }
});

test("a variable that is named twice is masked if one of its names says so", () => {
  free(masked(`{"env":[{"name":"DB_PASSWORD","name":"MODE","value":"${canary}"}]}`));
  free(masked(`{"env":[{"name":"DB_PASSWORD","value":"a","value":"${canary}"}]}`));
  free(masked(`{"env":[{"name":"DB_PASSWORD","value":{"x":["${canary}"]}}]}`));
});

test("a target's own rules say which variables are masked, and how", () => {
  const body = {
    env: [
      { name: "DB_PASSWORD", value: "a" },
      { name: "X_URL", value: "https://u" },
    ],
  };
  const text = masked(body, { rules: [{ env: ["*_URL"], how: "partial" }] });
  assert.equal(text, '{"env":[{"name":"DB_PASSWORD","value":"a"},{"name":"X_URL","value":"h***"}]}');
});

test("fields are masked by rule, by the resource asked for and by kind", () => {
  const rules = [{ fields: ["configmaps/data/DB_*", "widgets.acme.io/spec/owner/**"], how: "redact" }];
  const config = { kind: "ConfigMap", data: { DB_HOST: canary, MODE: "m" }, metadata: { name: "c" } };
  const { text, masked: fields } = run(config, { rules, asked: { resource: "configmaps" } });
  assert.equal(
    text,
    '{"kind":"ConfigMap","data":{"DB_HOST":"[redacted]","MODE":"m"},"metadata":{"name":"c"}}',
  );
  assert.deepEqual(fields, ["configmaps/data/DB_*"]);
  free(masked({ kind: "Bundle", spec: [config] }, { rules, asked: { resource: "bundles", group: "x.io" } }));
  const widget = {
    kind: "Widget",
    spec: { owner: { name: canary, age: 44, tags: [canary], ok: true, no: null } },
  };
  const owner = masked(widget, { rules, asked: { resource: "widgets", group: "acme.io" } });
  assert.equal(
    owner,
    '{"kind":"Widget","spec":{"owner":{"name":"[redacted]","age":0,"tags":["[redacted]"],"ok":false,"no":null}}}',
  );
  free(
    masked(
      { kind: "WidgetList", items: [widget, { spec: widget.spec }] },
      { rules, asked: { resource: "widgets", group: "acme.io" }, step: 5 },
    ),
  );
});

test("a rule says how values of Secrets are replaced, still as base64", () => {
  const rules = [{ fields: ["secrets/data/*"], how: "partial" }];
  const text = masked({ kind: "Secret", data: { a: base64("hunter2") } }, { rules, ...secrets });
  assert.equal(text, `{"kind":"Secret","data":{"a":"${base64("h***")}"}}`);
});

test("detectors see every text, name and number, through escapes and base64", () => {
  const body = {
    kind: "ConfigMap",
    metadata: { annotations: { owner: "ana@leak.example", "bob@leak.example": "x" } },
    data: { text: 'said "ana@leak.example"\nand left', "a.json": '{"to":"ana@leak.example"}' },
    binaryData: { blob: base64("to: ana@leak.example") },
    number: 4111111111111111,
  };
  const raw = JSON.stringify(body).replace("ana@", "ana\\u0040");
  const { text } = run(raw, { rules: detect, asked: { resource: "configmaps" } });
  for (const leak of ["leak.example", "u0040", "4111111111111111", base64("to: ana@leak.example")])
    assert.ok(!text.includes(leak), text);
  const parsed = JSON.parse(text);
  assert.equal(parsed.number, 0);
  assert.equal(parsed.data.text, 'said "[redacted]"\nand left');
  assert.deepEqual(JSON.parse(parsed.data["a.json"]), { to: "[redacted]" });
});

test("a secret that a name and its value make together is found", () => {
  const text = masked(
    { kind: "ConfigMap", data: { aws_secret_access_key: "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab" } },
    { rules: detect, asked: { resource: "configmaps", group: "x" } },
  );
  assert.ok(!text.includes("wJalr"), text);
});

test("credentials that the API itself hands out are masked", () => {
  free(
    masked(
      { kind: "TokenRequest", status: { token: canary } },
      { asked: { resource: "serviceaccounts", subresource: "token" } },
    ),
  );
  free(
    masked(
      { kind: "TokenReview", spec: { token: canary } },
      { asked: { resource: "tokenreviews", group: "authentication.k8s.io" } },
    ),
  );
});

test("cells of a custom resource with masked fields are masked behind the name", () => {
  const rules = [{ fields: ["widgets.acme.io/spec/owner"], how: "redact" }];
  const body = {
    kind: "Table",
    rows: [{ cells: ["w1", canary, 3], object: { kind: "PartialObjectMetadata" } }],
  };
  const text = masked(body, { rules, asked: { resource: "widgets", group: "acme.io" } });
  free(text);
  assert.match(text, /"w1"/);
});

test("an annotation that cannot be read is replaced whole", () => {
  const name = "kubectl.kubernetes.io/last-applied-configuration";
  for (const value of [
    `{"kind":"Secret","data":{"a":"${base64(canary)}"`,
    `kind: Secret\ndata: {a: ${base64(canary)}}`,
    "{".repeat(2000) + base64(canary),
  ])
    free(masked({ kind: "Secret", metadata: { annotations: { [name]: value } } }));
});

test("what needs no mask keeps its very bytes", () => {
  const body = ` {"kind" : "Pod",\n"metadata":{"name":"a\\u003cb","n":1.50e+3,"e":"\\ud83d\\ude00 é"},"spec":{"containers":[{"env":[{"name":"MODE","value":"{x}"}]}]}} \n`;
  assert.equal(masked(body, { rules: detect, step: 4 }), body);
});

test("a document that is printed over lines is masked like one that is not", () => {
  const body = JSON.stringify({ kind: "SecretList", items: [{ data: { a: base64(canary) } }] }, undefined, 2);
  const text = masked(body, { ...secrets, step: 9 });
  assert.equal(text, body.replace(base64(canary), hidden));
});

test("names of members that JavaScript knows are names like others", () => {
  const body = `{"__proto__":{"kind":"Secret","data":{"constructor":"${base64(canary)}"}},"toString":"x"}`;
  free(masked(body));
});
