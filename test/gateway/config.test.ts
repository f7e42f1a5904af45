import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { stringify } from "yaml";
import { type Config, loadConfig, parseConfig } from "../../src/gateway/config.ts";
import { starterFiles } from "../../src/gateway/starter.ts";
import { parseSettings } from "../../src/protocols/postgres/settings.ts";
import { p1Target } from "../support/p1/p1.ts";

const protocols = [{ name: "postgres", parseSettings }];
const base = `listen: 127.0.0.1:7443
issuer: { url: https://login.acme.io, client_id: ihc, audience: https://ihc.acme.io }
targets:
  prod-db:
    postgres: { host: db.internal, database: app, user: ihc_ro, password: env:PROD_DB_RO }
    labels: { env: prod, tier: 1 }
`;

function issues(text: string, dev = false) {
  const result = parseConfig("/etc/ihc/ihc.yaml", text, { protocols, dev });
  return (result.issues ?? []).map(({ line, path, message }) => ({ line, path, message }));
}

function config(text: string, dev = false): Config {
  const result = parseConfig("/etc/ihc/ihc.yaml", text, { protocols, dev });
  assert.deepEqual(result.issues, undefined);
  assert.ok(result.config);
  return result.config;
}

suite("a right ihc.yaml", () => {
  test("gets its defaults, absolute paths, milliseconds and bytes", () => {
    const it = config(`${base}    recording: { rows: 5, bytes: 2MiB }\nrequests: { ttl: 30m }\n`);
    assert.deepEqual(it.listen, { host: "127.0.0.1", port: 7443 });
    assert.equal(it.publicUrl, "http://127.0.0.1:7443");
    assert.deepEqual(it.store, { sqlite: "/etc/ihc/state" });
    assert.equal(it.policy, "/etc/ihc/policy");
    assert.equal(it.requests.ttl, 1_800_000);
    assert.equal(it.issuer.groupsClaim, "groups");
    assert.equal(it.issuer.dpop, "required");
    assert.deepEqual(it.targets[0]?.recording, { rows: 5, bytes: 2_097_152 });
    assert.deepEqual(it.targets[0]?.target.labels, { env: "prod", tier: 1 });
    assert.equal(it.targets[0]?.masking.mode, "strict");
  });

  test("is what init writes", () => {
    const it = config(starterFiles["ihc.yaml"] ?? "");
    assert.equal(it.targets.length, 1);
  });

  test("takes the cases' target", () => {
    const target = p1Target({ host: "127.0.0.1", port: 5432, database: "x", user: "u", password: "env:X" });
    const issuer = { url: "https://login.acme.io", client_id: "ihc", audience: "x" };
    assert.equal(config(stringify({ issuer, targets: { "prod-db": target } })).targets.length, 1);
  });

  test("is read from its file; a missing one is an issue", async () => {
    const folder = mkdtempSync(join(tmpdir(), "ihc-config-"));
    try {
      writeFileSync(join(folder, "ihc.yaml"), base);
      assert.equal((await loadConfig(join(folder, "ihc.yaml"), { protocols })).config?.folder, folder);
      const { issues: [missing] = [] } = await loadConfig(join(folder, "other.yaml"), { protocols });
      assert.match(missing?.message ?? "", /cannot be read/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

suite("a wrong ihc.yaml is refused with line and path", () => {
  const table: readonly [string, string, number, string, RegExp][] = [
    ["an unknown key", `${base}polciy: ./p\n`, 7, "polciy", /unknown key "polciy"/],
    ["an unknown key inside", base.replace("client_id", "client_ID"), 2, "issuer.client_ID", /unknown key/],
    ["a key given twice", `${base}listen: 127.0.0.1:1\n`, 7, "", /duplicate key/],
    ["broken YAML", `${base}x: [1,\n`, 8, "", /not valid YAML/],
    [
      "an unknown key of a target",
      `${base}    lables: {}\n`,
      7,
      "targets.prod-db.lables",
      /unknown key "lables"/,
    ],
    ["an unknown key of a protocol", base.replace("database", "databse"), 5, "targets.prod-db.postgres", /./],
    ["a bad target name", base.replace("prod-db", "Prod_DB"), 4, "targets.Prod_DB", /small letters/],
    ["no protocol", base.replace("postgres:", "mysql:"), 4, "targets.prod-db", /one protocol/],
    ["a missing key", base.replace("client_id: ihc, ", ""), 2, "issuer.client_id", /is missing/],
    ["a bad duration", `${base}requests: { ttl: 5 minutes }\n`, 7, "requests.ttl", /not a duration/],
    [
      "a bad size",
      `${base}recording: { free_space_floor: 5MB }\n`,
      7,
      "recording.free_space_floor",
      /not a size/,
    ],
    ["a fraction as label", base.replace("tier: 1", "tier: 1.5"), 6, "targets.prod-db.labels.tier", /label/],
    [
      "a bad masking rule",
      `${base}    masking:\n      - { detect: [emial] }\n`,
      8,
      "targets.prod-db.masking.0",
      /masking/,
    ],
    ["an open plain listener", base.replace("127.0.0.1", "10.0.0.5"), 1, "listen", /plain listener/],
    [
      "an open plain listener on all",
      `${base.replace("127.0.0.1", "0.0.0.0")}public_url: https://a.io\n`,
      1,
      "listen",
      /plain listener/,
    ],
    ["behind a proxy without address", `${base}behind_proxy: true\n`, 7, "behind_proxy", /public_url/],
    ["behind a proxy over http", `${base}public_url: http://ihc.acme.io\n`, 7, "public_url", /https/],
    ["an issuer over http", base.replace("https://login", "http://login"), 2, "issuer.url", /https/],
    [
      "an algorithm that is none",
      base.replace("client_id", "algorithms: [none], client_id"),
      2,
      "issuer.algorithms.0",
      /./,
    ],
    ["two stores", `${base}store: { sqlite: ./s, postgres: env:X }\n`, 7, "store", /either/],
    [
      "durations that contradict",
      `${base}requests: { default_duration: 9h, max_duration: 1h }\n`,
      7,
      "requests.default_duration",
      /max_duration/,
    ],
  ];
  for (const [name, text, line, path, message] of table)
    test(name, () => {
      const all = issues(text);
      const first = all.find((issue) => message.test(issue.message));
      assert.ok(first, JSON.stringify(all));
      assert.equal(first.line, line);
      assert.ok(first.path.startsWith(path), first.path);
    });

  test("all mistakes at once", () => {
    const found = issues(`${base}    lables: {}\npolciy: ./p\nlog: { level: loud }\n`);
    assert.deepEqual(
      found.map(({ line }) => line),
      [7, 8, 9],
    );
  });

  test("a label of two types on two targets", () => {
    const found = issues(
      `${base}  lab-db:\n    postgres: { host: h, database: d, user: u }\n    labels: { tier: low }\n`,
    );
    assert.deepEqual(
      found.map(({ line, path }) => [line, path]),
      [
        [6, "targets.prod-db.labels.tier"],
        [9, "targets.lab-db.labels.tier"],
      ],
    );
  });

  test("an open listener passes with TLS, or behind a proxy with an https address", () => {
    const open = base.replace("127.0.0.1", "10.0.0.5");
    assert.equal(config(`${open}tls: { cert: c.pem, key: k.pem }\n`).publicUrl, "https://10.0.0.5:7443");
    const proxied = config(`${open}behind_proxy: true\npublic_url: https://ihc.acme.io\n`);
    assert.equal(proxied.publicUrl, "https://ihc.acme.io");
  });
});

suite("secrets in ihc.yaml", () => {
  const secret = "hunter2-S3cret";

  test("are references; a value is refused and never repeated", () => {
    const variants = [
      base.replace("env:PROD_DB_RO", secret),
      base.replace("env:PROD_DB_RO", `plain:${secret}`),
      base.replace("env:PROD_DB_RO", `[${secret}]`),
      base.replace("env:PROD_DB_RO", `"${secret}`),
      base.replace("env:PROD_DB_RO", `*${secret}`),
      base.replace("env:PROD_DB_RO", `!${secret} x`),
      base.replace(
        "host: db.internal",
        `host: db.internal, roles: { write: { user: u, password: ${secret} } }`,
      ),
      `${base}store: { postgres: "postgres://u:${secret}@h/db" }\n`,
      `${base}store: { postgres: "plain:${secret}" }\n`,
      `${base}public_url: https://u:${secret}@ihc.acme.io\n`,
      `${base}requests: { ttl: ${secret} }\n`,
      `${base}log: { level: ${secret} }\n`,
      `${base}audit: { origin: "${secret} ${secret}" }\n`,
    ];
    for (const text of variants) {
      const result = parseConfig("/etc/ihc/ihc.yaml", text, { protocols });
      assert.ok(result.issues && result.issues.length > 0, text);
      assert.ok(!JSON.stringify(result.issues).includes(secret), JSON.stringify(result.issues));
    }
  });

  test("may be written out for development only", () => {
    const it = config(base.replace("env:PROD_DB_RO", `plain:${secret}`), true);
    assert.equal(it.dev, true);
  });
});
