import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { IhcError } from "../../../src/base/errors.ts";
import { sessionCertificate } from "../../../src/protocols/kubernetes/certificate.ts";
import { credentialOf } from "../../../src/protocols/kubernetes/credential.ts";
import { parseSettings } from "../../../src/protocols/kubernetes/settings.ts";
import { answerJson, ask, messageOf, pods } from "./api-server.ts";
import { inProdApp, rig } from "./rig.ts";

const gateways = rig();

describe("how the gateway logs in", () => {
  test("with a token, which is resolved again when the server refuses it, and the request is sent again", () =>
    gateways.withGateway(async (gateway) => {
      gateways.api.answer(({ headers }, response) => {
        // Only the second request with the same token is let in: the first came with a token that had run out.
        const again = gateways.api.received.filter(
          (one) => one.headers.authorization === headers.authorization,
        );
        answerJson(response, again.length % 2 === 0 ? 200 : 401, pods);
      });
      assert.equal((await ask(gateway, inProdApp)).status, 200);
    }));

  test("a credential that the cluster refuses for good is the operator's business, not the client's login", () =>
    gateways.withGateway(async (gateway) => {
      gateways.api.answer((_received, response) => answerJson(response, 401, { kind: "Status" }));
      const answer = await ask(gateway, inProdApp);
      assert.equal(answer.status, 503);
      assert.match(messageOf(answer), /gateway's own credential/);
      assert.doesNotMatch(answer.text, /gateway-token/);
      assert.match(gateway.logged.join("\n"), /does not take/);
    }));

  test("a reference that cannot be resolved says so without naming it", () =>
    gateways.withGateway(
      async (gateway) => {
        const answer = await ask(gateway, inProdApp);
        assert.equal(answer.status, 503);
        assert.doesNotMatch(answer.text, /env:|TOKEN/);
      },
      { secrets: {} },
    ));

  test("with a client certificate", async () => {
    const { certificate, key } = await gatewayCertificate();
    const path = join(gateways.api.folder, "client.pem");
    writeFileSync(path, certificate);
    await gateways.withGateway(
      async (gateway) => {
        assert.equal((await ask(gateway, inProdApp)).status, 200);
        const received = gateways.api.received.at(-1);
        assert.equal(received?.certificate, "ihc session client");
        assert.equal(received?.headers.authorization, undefined);
      },
      {
        settings: { credential: { certificate: path, private_key: "env:KEY" } },
        secrets: { "env:KEY": key },
      },
    );
  });

  test("to a server of the target's authority alone, even where Node is told to trust every certificate", async () => {
    const other = await sessionCertificate("other", new Date(), new Date(Date.now() + 3_600_000));
    const path = join(gateways.api.folder, "other-ca.pem");
    writeFileSync(path, other.ca);
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      await gateways.withGateway(
        async (gateway) => {
          const earlier = gateways.api.received.length;
          const answer = await ask(gateway, inProdApp);
          assert.equal(answer.status, 503);
          assert.match(messageOf(answer), /another authority/);
          assert.equal(gateways.api.received.length, earlier);
        },
        { settings: { ca: path } },
      );
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
  });

  test("with a credential plugin, which is told the cluster, given no environment but its own, and run once", () =>
    gateways.withGateway(
      async (gateway) => {
        for (const _ of [1, 2]) assert.equal((await ask(gateway, inProdApp)).status, 200);
        assert.equal(gateways.api.received.at(-1)?.headers.authorization, "Bearer from-plugin");
        const told: unknown = JSON.parse(readFileSync(join(gateways.api.folder, "told"), "utf8"));
        assert.deepEqual(told, {
          info: {
            apiVersion: "client.authentication.k8s.io/v1",
            kind: "ExecCredential",
            spec: { cluster: { server: gateways.api.settings.server }, interactive: false },
          },
          given: "s3",
          runs: 1,
        });
      },
      {
        settings: { credential: { exec: { command: plugin(), args: ["--x"], env: { GIVEN: "env:G" } } } },
        secrets: { "env:G": "s3" },
      },
    ));

  test("a plugin that fails says nothing of what it printed", () =>
    gateways.withGateway(
      async (gateway) => {
        const answer = await ask(gateway, inProdApp);
        assert.equal(answer.status, 503);
        assert.match(messageOf(answer), /credential plugin/);
        assert.doesNotMatch(answer.text + gateway.logged.join(), /s3cret/);
      },
      {
        settings: {
          credential: { exec: { command: script("broken", "echo s3cret; echo s3cret >&2; exit 1") } },
        },
      },
    ));

  test("in the cluster, with the pod's service account", async () => {
    const folder = join(gateways.api.folder, "serviceaccount");
    mkdirSync(folder);
    writeFileSync(join(folder, "ca.crt"), readFileSync(gateways.api.settings.ca));
    const settings = parseSettings({ credential: { in_cluster: true } });
    assert.equal(settings.server, "https://kubernetes.default.svc");
    const asked: string[] = [];
    const secret = async (reference: string): Promise<string> => {
      asked.push(reference);
      return await Promise.resolve("pod-token");
    };
    const credential = credentialOf({ settings, secret }, folder);
    assert.equal(await credential.token(), "pod-token");
    assert.deepEqual(asked, [`file:${folder}/token`]);
    assert.ok(await credential.context());
  });
});

describe("settings", () => {
  const good = { server: "https://api.prod.example:6443", credential: { token: "env:T" } };

  test("take a server and one credential", () => {
    assert.equal(parseSettings(good).group_prefix, "ihc:");
    assert.equal(parseSettings(good).body_limit, 3 * 1024 * 1024);
  });

  const bad: readonly [string, Readonly<Record<string, unknown>>, RegExp][] = [
    ["no server", { credential: { token: "env:T" } }, /server/],
    ["http", { ...good, server: "http://api:6443" }, /server/],
    ["a path", { ...good, server: "https://api:6443/x" }, /server/],
    ["a user in the address", { ...good, server: "https://a:b@api:6443" }, /server/],
    ["a token that is no reference", { ...good, credential: { token: "abc" } }, /credential/],
    ["two credentials", { ...good, credential: { token: "env:T", in_cluster: true } }, /credential/],
    ["a group that Kubernetes keeps for itself", { ...good, groups: { sre: "system:masters" } }, /groups/],
    ["a prefix that makes one", { ...good, group_prefix: "system:" }, /group_prefix/],
    ["a group with a line break", { ...good, groups: { sre: "a\nb" } }, /groups/],
    ["an unknown key", { ...good, insecure_skip_tls_verify: true }, /insecure_skip_tls_verify/],
  ];
  for (const [what, settings, message] of bad)
    test(`refuse ${what}`, () => {
      assert.throws(
        () => parseSettings(settings),
        (error) => error instanceof IhcError && error.code === "config" && message.test(error.message),
      );
    });
});

async function gatewayCertificate(): Promise<{ certificate: string; key: string }> {
  const now = new Date();
  return await sessionCertificate("client", now, new Date(now.getTime() + 3_600_000));
}

function plugin(): string {
  const { folder } = gateways.api;
  const status = '{"token":"from-plugin"}';
  return script(
    "plugin",
    `echo run >> ${folder}/runs
printf '{"info":%s,"given":"%s","runs":%s}' "$KUBERNETES_EXEC_INFO" "$GIVEN" "$(wc -l < ${folder}/runs)" > ${folder}/told
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":${status}}'`,
  );
}

function script(name: string, text: string): string {
  const path = join(gateways.api.folder, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o700);
  return path;
}
