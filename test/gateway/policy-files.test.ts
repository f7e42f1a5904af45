import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, suite, test } from "node:test";
import { parseConfig } from "../../src/gateway/config.ts";
import { loadPolicies } from "../../src/gateway/policy-files.ts";
import { starterFiles } from "../../src/gateway/starter.ts";
import { parseSettings } from "../../src/protocols/postgres/settings.ts";
import { p1Policy } from "../support/p1/p1.ts";

const root = mkdtempSync(join(tmpdir(), "ihc-policies-"));
after(() => rmSync(root, { recursive: true }));
const target = { name: "prod-db", protocol: "postgres", labels: { env: "prod" } };

function folder(files: Readonly<Record<string, string | Uint8Array>>): string {
  const path = mkdtempSync(join(root, "f-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

suite("policy files", () => {
  test("what init writes passes the check", async () => {
    const path = folder(starterFiles);
    const { config } = parseConfig(join(path, "ihc.yaml"), starterFiles["ihc.yaml"] ?? "", {
      protocols: [{ name: "postgres", parseSettings }],
    });
    assert.ok(config);
    const { policy, issues } = await loadPolicies(
      config.policy,
      config.targets.map((one) => one.target),
    );
    assert.deepEqual(issues, undefined);
    assert.match(policy?.version ?? "", /^sha256:/);
  });

  test("the cases' policy passes the check", async () => {
    const { issues } = await loadPolicies(folder({ "p1.cedar": p1Policy("2s").text }), [target]);
    assert.deepEqual(issues, undefined);
  });

  test("mistakes come back from the worker with file and line", async () => {
    const path = folder({
      "b.cedar": "\npermit (principal, action, resource);",
      "a.cedar": "permit (",
      "c.txt": "x",
    });
    const { issues } = await loadPolicies(path, [target]);
    assert.deepEqual(
      issues?.map(({ file, line }) => `${file}:${line}`),
      ["a.cedar:1", "b.cedar:2"],
    );
  });

  test("a folder without policies allows nothing, a missing one is an issue", async () => {
    assert.ok((await loadPolicies(folder({}), [target])).policy);
    const { issues } = await loadPolicies(join(root, "missing"), [target]);
    assert.match(issues?.[0]?.message ?? "", /cannot be read/);
  });

  test("what is no text is refused", async () => {
    const { issues } = await loadPolicies(folder({ "a.cedar": new Uint8Array([0xff, 0xfe]) }), [target]);
    assert.match(issues?.[0]?.message ?? "", /UTF-8/);
  });
});
