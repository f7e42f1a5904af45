import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseSettings } from "../../../src/protocols/kubernetes/settings.ts";

const least = { server: "https://10.0.0.1:6443", credential: { token: "env:TOKEN" } };
const message = (raw: unknown): string => {
  try {
    parseSettings(raw);
  } catch (error) {
    assert.ok(error instanceof Error && "code" in error && error.code === "config", String(error));
    return error.message;
  }
  return "no mistake";
};

suite("a cluster in ihc.yaml", () => {
  test("needs an address and a credential, and gets the rest", () => {
    const settings = parseSettings(least);
    assert.deepEqual([settings.group_prefix, settings.user_prefix, settings.groups], ["ihc:", "", {}]);
    assert.equal(settings.record_stdin, false);
    assert.equal(
      parseSettings({ credential: { in_cluster: true } }).server,
      "https://kubernetes.default.svc",
    );
  });

  test("has its files beside ihc.yaml, wherever the gateway is started", () => {
    const { ca, credential } = parseSettings(
      { ...least, ca: "./ca.pem", credential: { certificate: "tls/own.pem", private_key: "file:key" } },
      "/etc/ihc",
    );
    assert.equal(ca, "/etc/ihc/ca.pem");
    assert.deepEqual(credential, { certificate: "/etc/ihc/tls/own.pem", private_key: "file:key" });
    const plugin = (command: string): unknown =>
      parseSettings({ ...least, credential: { exec: { command } } }, "/etc/ihc").credential;
    assert.deepEqual(plugin("./token.sh"), { exec: { command: "/etc/ihc/token.sh", args: [], env: {} } });
    assert.deepEqual(plugin("aws"), { exec: { command: "aws", args: [], env: {} } });
  });

  const mistakes: readonly [string, object, RegExp][] = [
    ["a mistyped key", { gruops: {} }, /^kubernetes\.gruops: unknown key/],
    ["http", { server: "http://10.0.0.1" }, /^kubernetes\.server: must be https/],
    ["http on loopback", { server: "http://127.0.0.1:8001" }, /^kubernetes\.server: must be https/],
    ["a path", { server: "https://rancher/k8s/clusters/c-1" }, /^kubernetes\.server: /],
    ["a password in the address", { server: "https://u:p@10.0.0.1" }, /^kubernetes\.server: /],
    ["no address", { server: undefined }, /^kubernetes\.server: is missing/],
    ["a name that is none", { server_name: "a b" }, /^kubernetes\.server_name: must be a host's name/],
    ["a namespace that is a path", { namespace: "../kube-system" }, /^kubernetes\.namespace: is no name/],
    ["a limit in words", { requests_at_once: "3" }, /^kubernetes\.requests_at_once: .*expected number/],
    ["a word for yes", { record_stdin: "yes" }, /^kubernetes\.record_stdin: .*expected boolean/],
    ["a time without unit", { hold_timeout: "5" }, /^kubernetes\.hold_timeout: not a duration/],
    ["no credential", { credential: undefined }, /^kubernetes\.credential: give exactly one of/],
    ["an empty credential", { credential: {} }, /^kubernetes\.credential: give exactly one of/],
    [
      "two credentials",
      { credential: { token: "env:T", in_cluster: true } },
      /^kubernetes\.credential: give exactly one of/,
    ],
    [
      "a token written out",
      { credential: { token: "s3cret" } },
      /^kubernetes\.credential\.token: a secret is referred to/,
    ],
    [
      "a certificate without key",
      { credential: { certificate: "a.pem" } },
      /^kubernetes\.credential\.private_key: is missing/,
    ],
    [
      "a plugin as one line for a shell",
      { credential: { exec: "aws eks get-token" } },
      /^kubernetes\.credential\.exec: .*expected object/,
    ],
    [
      "a plugin's line in its command",
      { credential: { exec: { command: "aws eks get-token" } } },
      /^kubernetes\.credential\.exec\.command: one program; .* args/,
    ],
    [
      "a plugin's arguments as one line",
      { credential: { exec: { command: "aws", args: "eks get-token" } } },
      /^kubernetes\.credential\.exec\.args: .*expected array/,
    ],
    [
      "a value in a plugin's environment",
      { credential: { exec: { command: "aws", env: { AWS_SECRET: "s3cret" } } } },
      /^kubernetes\.credential\.exec\.env\.AWS_SECRET: a secret is referred to/,
    ],
    ["an empty group", { groups: { sre: "" } }, /^kubernetes\.groups\.sre: must not be empty/],
    ["a group of two", { groups: { sre: ["a"] } }, /^kubernetes\.groups\.sre: .*expected string/],
    [
      "a group of Kubernetes' own",
      { groups: { sre: "system:masters" } },
      /^kubernetes\.groups\.sre: must not begin/,
    ],
    ["the same in capitals", { groups: { sre: "System:masters" } }, /^kubernetes\.groups\.sre: must not/],
    ["the same behind a space", { groups: { sre: " system:masters" } }, /^kubernetes\.groups\.sre: must not/],
    ["a group that hides", { groups: { sre: "ihc:s\u200bre" } }, /^kubernetes\.groups\.sre: must not hold/],
    ["two header lines", { groups: { sre: "a\r\nImpersonate-Group: b" } }, /must not hold control/],
    ["a claim that is refused", { groups: { "system:x": "a" } }, /^kubernetes\.groups\.system:x: must not/],
    ["nobody", { users: [] }, /^kubernetes\.users: leave it out/],
    ["somebody of Kubernetes' own", { users: ["system:admin"] }, /^kubernetes\.users\.0: must not begin/],
    ["a word for the other groups", { other_groups: "drop" }, /^kubernetes\.other_groups: /],
    ["no prefix", { group_prefix: "" }, /^kubernetes\.group_prefix: must not be empty/],
    ["a prefix of Kubernetes' own", { group_prefix: "system:" }, /^kubernetes\.group_prefix: must not begin/],
    [
      "people of Kubernetes' own",
      { user_prefix: "system:serviceaccount:a:" },
      /^kubernetes\.user_prefix: must/,
    ],
    ["a prefix with a line break", { user_prefix: "a\n" }, /^kubernetes\.user_prefix: must not hold/],
  ];
  for (const [name, change, expected] of mistakes)
    test(`${name} is a mistake that is told with its place and without its value`, () => {
      const told = message({ ...least, ...change });
      assert.match(told, expected);
      assert.doesNotMatch(told, /s3cret/);
    });

  test("is an object", () => {
    for (const raw of [null, [], "https://10.0.0.1", undefined]) assert.match(message(raw), /^kubernetes: /);
  });
});
