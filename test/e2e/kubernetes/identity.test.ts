import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Principal } from "../../../src/core/access/principal.ts";
import { ask } from "../../protocols/kubernetes/api-server.ts";
import { type K8sGateway, startK8sGateway } from "../../support/k8s-gateway.ts";
import type { AuditEvent } from "../../support/kubernetes/audit.ts";
import { type Cluster, startCluster } from "../../support/kubernetes/cluster.ts";
import { withoutCluster } from "../../support/kubernetes/tools.ts";
import { person } from "../../support/records.ts";

describe("whom the cluster's own audit log names", { skip: withoutCluster() }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster.stop());

  /** A gateway that may impersonate everybody, so that nothing but its own care decides. */
  const gatewayFor = (
    principal: Pick<Principal, "name" | "groups"> & Partial<Principal>,
    { settings = {}, ...options }: { settings?: object; incident?: string } = {},
  ): Promise<K8sGateway> =>
    startK8sGateway({
      settings: { server: cluster.url, ca: cluster.caFile, credential: { token: "env:TOKEN" }, ...settings },
      secrets: { "env:TOKEN": cluster.tokens.admin },
      principal: () => ({ ...person("ana"), ...principal }),
      ...options,
    });

  let asked = 0;
  const logged = async (gateway: K8sGateway): Promise<AuditEvent> => {
    asked += 1;
    const path = `/api/v1/namespaces/identity-${asked}/pods`;
    await ask(gateway, path);
    const [event] = await cluster.auditUntil(({ requestURI }) => requestURI.startsWith(path));
    assert.ok(event);
    return event;
  };

  const names: readonly (readonly [string, string])[] = [
    ["an address", "ana@acme.io"],
    ["a name with spaces", "Ana de la Cruz"],
    ["letters of other languages", "Zoë Žižek 李娜 Ольга"],
    ["letters beyond the basic plane", "ana \u{20bb7}"],
    ["commas, which join other headers", "Cruz, Ana"],
    ["a URL, as some providers' subjects are", "https://login.acme.io/#ana"],
    ["percent signs, which Go decodes in names of extra fields", "ana%2Fbob%0a"],
    ["quotes, semicolons and equals signs", `"ana"; q=1`],
    ["a colon", "oidc:ana"],
    ["system: further on", "ana system:masters"],
    ["a backslash", "ACME\\ana"],
  ];
  for (const [what, name] of names)
    test(`it is the person, and their groups one by one, with ${what}`, async () => {
      const gateway = await gatewayFor({ name, groups: [name, "oncall"] });
      try {
        const { user, impersonatedUser } = await logged(gateway);
        assert.equal(user.username, "admin");
        assert.equal(impersonatedUser?.username, name);
        assert.deepEqual(impersonatedUser.groups, [`ihc:${name}`, "ihc:oncall", "system:authenticated"]);
      } finally {
        await gateway.stop();
      }
    });

  test("it is the person with the prefix, the mapped groups, the session, the incident and the MCP client", async () => {
    const gateway = await gatewayFor(
      { name: "ana@acme.io", groups: ["sre", "oncall"], via: { name: "claude code ünï", version: "1" } },
      {
        settings: { user_prefix: "ihc:", groups: { sre: "cluster-sre" } },
        incident: "INC-4021 — ördërs, stuck",
      },
    );
    try {
      const { impersonatedUser } = await logged(gateway);
      assert.deepEqual(impersonatedUser, {
        username: "ihc:ana@acme.io",
        groups: ["cluster-sre", "ihc:oncall", "system:authenticated"],
        extra: {
          "ihc-session": [gateway.session],
          "ihc-incident": ["INC-4021 — ördërs, stuck"],
          "ihc-via": ["claude code ünï"],
        },
      });
    } finally {
      await gateway.stop();
    }
  });

  test("it is a person without groups as one who is logged in and no more", async () => {
    const gateway = await gatewayFor({ name: "ana@acme.io", groups: [] });
    try {
      const { impersonatedUser } = await logged(gateway);
      assert.deepEqual(impersonatedUser?.groups, ["system:authenticated"]);
    } finally {
      await gateway.stop();
    }
  });

  test("it is nobody at all for a claim of Kubernetes' own or one that no header carries", async () => {
    const events = cluster.audit().length;
    for (const claim of [
      "system:admin",
      "System:masters",
      " system:masters",
      "a\r\nImpersonate-Group: b",
      "a\u200bb",
    ])
      for (const principal of [
        { name: claim, groups: [] },
        { name: "ana", groups: [claim] },
      ])
        await assert.rejects(gatewayFor(principal, { settings: { user_prefix: "ihc:" } }), {
          code: "denied",
        });
    const later = cluster.audit().slice(events);
    assert.deepEqual(
      later.filter(({ impersonatedUser }) => impersonatedUser !== undefined),
      [],
    );
  });
});
