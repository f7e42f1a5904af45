import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { check } from "../../../src/protocols/kubernetes/check.ts";
import { harden } from "../../../src/protocols/kubernetes/harden.ts";
import { parseSettings } from "../../../src/protocols/kubernetes/settings.ts";
import type { Finding } from "../../../src/protocols/protocol.ts";
import { type Account, type Cluster, startCluster } from "../../support/kubernetes/cluster.ts";
import { kubectls, withoutKubectl } from "../../support/kubernetes/tools.ts";

const issued = z.object({ status: z.object({ token: z.string() }) });

describe("what ihc gateway check says of a cluster's account", { skip: withoutKubectl() }, () => {
  let cluster: Cluster;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ihc-check-"));
    cluster = await startCluster();
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    await cluster.stop();
  });

  const upstream = (token: string, groups: Readonly<Record<string, string>> = { oncall: "ihc:oncall" }) => ({
    settings: parseSettings({
      server: cluster.url,
      ca: cluster.caFile,
      credential: { token: "env:TOKEN" },
      groups,
    }),
    secret: async () => token,
    target: { name: "prod-k8s", protocol: "kubernetes", labels: {} },
  });
  const masking = { rules: [], mode: "strict" } as const;
  const found = (token: string, groups?: Readonly<Record<string, string>>): Promise<readonly Finding[]> =>
    check(upstream(token, groups), masking);
  const rules = (findings: readonly Finding[]): readonly string[] =>
    [...new Set(findings.filter(({ severity }) => severity !== "info").map(({ rule }) => rule))].sort();
  const of = (account: Account) => found(cluster.tokens[account]);

  test("an administrator is told as one, alone", async () => {
    assert.deepEqual(rules(await of("admin")), ["cluster-admin"]);
  });

  test("an account that may impersonate everything is told by what that means", async () => {
    assert.deepEqual(
      rules(await of("broad")),
      [
        "impersonates-any-group",
        "impersonates-any-user",
        "impersonates-masters",
        "impersonates-service-accounts",
        "cannot-impersonate",
      ].sort(),
    );
  });

  test("an account without rights is told what it needs", async () => {
    const findings = await of("bare");
    assert.deepEqual(rules(findings), ["cannot-impersonate"]);
    assert.ok(
      findings.some(({ message }) => message.includes("ihc:oncall")),
      JSON.stringify(findings),
    );
  });

  test("the tests' own account, restricted by names, is fine", async () => {
    assert.deepEqual(rules(await of("gateway")), []);
  });

  test("a group of the settings that the account may not impersonate is found before somebody needs it", async () => {
    const findings = await found(cluster.tokens.gateway, { oncall: "ihc:oncall", dba: "ihc:dba" });
    assert.deepEqual(rules(findings), ["cannot-impersonate"]);
    assert.ok(findings.every(({ message }) => !message.includes("ihc:oncall")));
  });

  test("a credential that the server refuses is said to be one", async () => {
    const findings = await found("nonsense").catch((error: unknown) => String(error));
    assert.match(JSON.stringify(findings), /refuse|credential/);
  });

  test("what ihc targets harden prints closes it, as kubectl applies it", { timeout: 60_000 }, async () => {
    const manifest = await harden(upstream("x", { oncall: "ihc:oncall", sre: "ihc:sre" }), masking);
    const file = join(folder, "rbac.yaml");
    writeFileSync(file, manifest);
    const [kubectl] = kubectls();
    assert.ok(kubectl);
    const env = { ...process.env, KUBECONFIG: cluster.kubeconfig("admin"), HOME: folder };
    execFileSync(kubectl.path, ["apply", "--validate=false", "-f", file], { env, encoding: "utf8" });
    const tokenFor = async (seconds: number): Promise<string> => {
      const path = "/api/v1/namespaces/ihc/serviceaccounts/ihc-gateway/token";
      const spec = { audiences: [], expirationSeconds: seconds };
      return issued.parse((await cluster.admin.call("POST", path, { body: { spec } })).json()).status.token;
    };
    const lasting = await found(await tokenFor(10 * 24 * 3600));
    assert.deepEqual(rules(lasting), ["impersonates-any-user", "token-lasts"]);
    const token = await tokenFor(3600);
    assert.deepEqual(rules(await found(token, { oncall: "ihc:oncall", sre: "ihc:sre" })), [
      "impersonates-any-user",
    ]);
  });

  test("without groups in the settings harden permits none, and says so", async () => {
    const manifest = await harden(upstream("x", {}), masking);
    assert.doesNotMatch(manifest, /resources:\n\s+- groups/);
    assert.match(manifest, /# No group is named/);
  });
});
