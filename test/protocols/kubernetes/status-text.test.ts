import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutQuotedValues } from "../../../src/protocols/kubernetes/status-text.ts";
import { masked } from "./answers.ts";

const canary = "CANARY-7f3a";

for (const [message, expected] of [
  [
    `Secret "s" is invalid: data[a]: Invalid value: "${canary}": must be short`,
    'Secret "s" is invalid: data[a]: Invalid value: "[redacted]": must be short',
  ],
  [
    `Pod "web" is invalid: spec.containers[0].env[0].value: Invalid value: "${canary}": "${canary}" is odd`,
    'Pod "web" is invalid: spec.containers[0].env[0].value: Invalid value: "[redacted]": "[redacted]" is odd',
  ],
  [
    `Job.batch "j" is invalid: spec.template: Invalid value: core.PodTemplateSpec{Env:[]core.EnvVar{core.EnvVar{Name:"A", Value:"${canary}"}}}: field is immutable`,
    'Job.batch "j" is invalid: spec.template: Invalid value: [redacted]: field is immutable',
  ],
  [
    `a: Unsupported value: "${canary}": supported values: "A", "B"`,
    'a: Unsupported value: "[redacted]": supported values: "A", "B"',
  ],
  [
    `[a.b: Invalid value: "${canary} \\"x\\" ": no, c.d: Duplicate value: "${canary}"]`,
    '[a.b: Invalid value: "[redacted]": no, c.d: Duplicate value: "[redacted]"]',
  ],
  [`a: Invalid value: "x Invalid value: ${canary}": no`, undefined],
  [`a: Invalid value: ${canary}: no`, "a: Invalid value: [redacted]"],
  [`a: Invalid value: 12345678901: no ${canary}`, "a: Invalid value: [redacted]"],
  [
    `a: Invalid value: map[string]string{"a":"${canary}"}: field is immutable]`,
    "a: Invalid value: [redacted]: field is immutable]",
  ],
  [
    `pod updates may not change fields other than image\n  core.PodSpec{\n  Value: "${canary}",\n}\n`,
    "pod updates may not change fields other than image [redacted]",
  ],
  [
    `v1.Secret: expect }, error found in #10 byte of ...|"data":{"a":"${canary}|..., bigger context ...|{"kind":"Secret","data":{"a":"${canary}"}}|...`,
    "v1.Secret: expect }, error found in #10 byte of ...|[redacted]|...",
  ],
] as const)
  test(`a refused value is not quoted: ${message.slice(0, 60)}`, () => {
    const text = withoutQuotedValues(message);
    assert.ok(!text.includes(canary), text);
    if (expected !== undefined) assert.equal(text, expected);
  });

for (const message of [
  'pods "web" not found',
  'metadata.name: Invalid value: "Foo_Bar": a lowercase RFC 1123 subdomain must consist of lower case',
  "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
  'pods "web" is forbidden: User "ana" cannot get resource "pods" in API group "" in the namespace "x"',
  "Operation cannot be fulfilled on pods: the object has been modified",
])
  test(`a message without a value of the object stays: ${message.slice(0, 50)}`, () => {
    assert.equal(withoutQuotedValues(message), message);
  });

test("messages are read wherever they stand: status, causes, events, conditions", () => {
  const message = `a: Invalid value: "${canary}": no`;
  for (const body of [
    {
      kind: "Status",
      status: "Failure",
      message,
      details: { causes: [{ reason: "FieldValueInvalid", message }] },
      code: 422,
    },
    { kind: "EventList", items: [{ message, note: message }] },
    { kind: "Deployment", status: { conditions: [{ message }] } },
  ])
    assert.ok(!masked(body, { status: 422 }).includes(canary));
});

test("a long message takes linear time", () => {
  for (const piece of ["Invalid value: ", "...|", '"', "\\", "\n x{", ": "])
    assert.equal(typeof withoutQuotedValues(`${piece.repeat(100_000)} value: `), "string");
});
