import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { withoutKubectl } from "../../support/kubernetes/tools.ts";
import { playsOf } from "../api/support/plays.ts";
import { headOf, rawClient, rawRequest, statusOf } from "./support/raw.ts";
import { type CaseScene, clean, prod, startCaseScene } from "./support/scene.ts";

const { plays, rate } = playsOf("k8s");

describe("the cases of k8s that are requests", { skip: withoutKubectl() }, () => {
  let s: CaseScene;
  let held: readonly string[];
  before(async () => {
    s = await startCaseScene();
    held = await s.held();
  });
  after(() => s.stop());

  /** Each line is refused with a Status of ours, and nothing of it reaches the cluster. */
  async function denied(
    lines: readonly string[],
    more: readonly string[] = [],
    body: object | string = "",
  ): Promise<void> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const length =
      text === "" ? [] : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(text)}`];
    const reached = await s.reached(async () => {
      for (const line of lines) {
        const answer = await rawRequest(s.viewer, line, [...more, ...length], text);
        const status = statusOf(answer);
        assert.ok(status >= 400 && status < 500, `${line}: ${answer.slice(0, 300)}`);
        clean(answer, line);
      }
    });
    assert.deepEqual(
      reached.map(({ requestURI }) => requestURI),
      [],
    );
  }

  /** May run, and shows nothing that is to be hidden. */
  async function masked(line: string, more: readonly string[] = []): Promise<void> {
    const answer = await rawRequest(s.viewer, line, more);
    assert.ok(statusOf(answer) >= 200, answer.slice(0, 200));
    clean(answer, line);
  }

  async function allowed(...lines: string[]): Promise<void> {
    for (const line of lines) {
      const answer = await rawRequest(s.viewer, line);
      assert.equal(statusOf(answer), 200, `${line}: ${answer.slice(0, 300)}`);
      clean(answer, line);
    }
  }

  const exact: readonly [id: string, verdict: string, play: (line: string) => Promise<void>][] = [
    ["k8s-001", "allow", (line) => allowed(line)],
    ["k8s-003", "allow", (line) => allowed(line)],
    ["k8s-007", "deny", (line) => denied([line])],
    ["k8s-010", "deny", (line) => denied([line])],
    ["k8s-011", "deny", (line) => denied([line])],
    ["k8s-014", "deny", (line) => denied([line])],
    ["k8s-017", "deny", (line) => denied([line])],
    ["k8s-021", "deny", (line) => denied([line])],
    ["k8s-024", "safe", (line) => denied([line])],
    ["k8s-027", "deny", (line) => denied([line])],
    ["k8s-028", "deny_or_mask", (line) => masked(line)],
    ["k8s-041", "deny_or_mask", (line) => masked(line)],
    ["k8s-063", "deny", (line) => denied([line])],
    ["k8s-076", "deny", (line) => denied([line], [], { kind: "MutatingWebhookConfiguration" })],
  ];
  for (const [id, verdict, play] of exact)
    plays(id, verdict, async ({ input, form }) => {
      assert.equal(form, "exact");
      await play(input.request ?? "");
    });

  plays("k8s-005", "allow", () => allowed("GET /api", "GET /apis", "GET /openapi/v2", "GET /version"));

  plays("k8s-018", "deny", () =>
    denied([
      `GET http://evil.example${prod}/pods`,
      `GET https://127.0.0.1:${s.viewer.port}${prod}/pods`,
      `GET //evil.example${prod}/pods`,
      "GET evil.example:443",
    ]),
  );

  plays("k8s-023", "safe", async ({ input }) => {
    const reached = await s.reached(async () => {
      const answer = await rawRequest(s.viewer, input.request ?? "");
      assert.match(answer, /"type":"ADDED"/, "a watch, as the server reads it");
      clean(answer, "a watch");
    });
    assert.deepEqual([...new Set(reached.map(({ verb }) => verb))], ["watch"]);
  });

  plays("k8s-033", "deny_or_mask", async () => {
    for (const type of ["application/yaml", "text/yaml", "*/yaml", "application/vnd.kubernetes.protobuf"])
      for (const path of [`${prod}/secrets`, `${prod}/secrets/db-creds`])
        clean(await rawRequest(s.viewer, `GET ${path}`, [`Accept: ${type}`]), `${path} as ${type}`);
  });

  plays("k8s-035", "deny_or_mask", async () => {
    for (const as of ["PartialObjectMetadataList", "PartialObjectMetadata", "Table"])
      for (const version of ["v1", "v1beta1"])
        await masked(`GET ${prod}/secrets`, [`Accept: application/json;as=${as};v=${version};g=meta.k8s.io`]);
  });

  plays("k8s-037", "deny_or_mask", async () => {
    const upgrade = [
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Origin: https://evil.example",
    ];
    await denied([`GET ${prod}/secrets?watch=1`, `GET ${prod}/secrets?watch=1&follow=1`], upgrade);
  });

  plays("k8s-039", "deny_or_mask", async () => {
    await masked(`GET ${prod}/pods`);
    await masked(`GET ${prod}/pods/web`);
    await masked("GET /apis/apps/v1/namespaces/prod-app/deployments");
  });

  plays("k8s-061", "deny", () =>
    denied([`GET ${prod}/pods/web/portforward`, `POST ${prod}/pods/web/portforward?ports=80`]),
  );
  plays("k8s-064", "deny", () => denied([`PATCH ${prod}/pods/web/ephemeralcontainers`], [], { spec: {} }));
  plays("k8s-068", "deny", () => denied([`DELETE ${prod}/pods`, `DELETE ${prod}/pods/`]));
  plays("k8s-069", "deny", async () => {
    await denied([`DELETE ${prod}/pods/web`], [], { dryRun: ["All"] });
    await denied([`DELETE ${prod}/pods/web?dryRun=All&dryRun=All`, `DELETE ${prod}/pods/web?dryRun=all`]);
  });
  plays("k8s-071", "deny", () => denied([`POST ${prod}/pods/web/eviction`], [], { kind: "Eviction" }));
  plays("k8s-072", "deny", () => denied([`POST ${prod}/pods/web/binding`], [], { target: { name: "n1" } }));
  plays("k8s-074", "deny", async () => {
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" };
    const group = "/apis/rbac.authorization.k8s.io/v1";
    await denied(
      [`POST ${group}/namespaces/prod-app/rolebindings`, `POST ${group}/clusterrolebindings`],
      [],
      { metadata: { name: "mine" }, roleRef, subjects: [{ kind: "User", name: "alice" }] },
    );
  });
  plays("k8s-078", "deny", () =>
    denied([`POST ${prod}/pods`], [], {
      metadata: { name: "node" },
      spec: {
        hostPID: true,
        containers: [{ name: "c", image: "x", securityContext: { privileged: true } }],
        volumes: [{ name: "root", hostPath: { path: "/" } }],
      },
    }),
  );
  plays("k8s-079", "deny", () =>
    denied(
      ["v1", "v1beta1"].map((version) => `POST /apis/batch/${version}/namespaces/prod-app/cronjobs`),
      [],
      { metadata: { name: "later" }, spec: { schedule: "* * * * *" } },
    ),
  );
  plays("k8s-080", "deny", () =>
    denied([
      "GET /debug/pprof/",
      "GET /metrics",
      "GET /logs/",
      "GET /logs/kube-apiserver.log",
      "GET /debug/flags/v",
    ]),
  );

  plays("k8s-082", "deny", async () => {
    await denied([`OPTIONS ${prod}/pods`, `TRACE ${prod}/pods`]);
    for (const line of [`get ${prod}/pods`, `CONNECT 127.0.0.1:${s.k.cluster.port}`, `BREW ${prod}/pods`]) {
      const status = statusOf(await rawRequest(s.viewer, line));
      assert.ok(status === 0 || (status >= 400 && status < 500), `${line}: ${status}`);
    }
  });

  plays("k8s-083", "deny", () =>
    denied(
      [`POST ${prod}/pods/web/exec?command=id&stdout=1`, `GET ${prod}/pods/web/exec?command=id&stdout=1`],
      ["X-Stream-Protocol-Version: v4.channel.k8s.io"],
    ),
  );

  plays("k8s-089", "safe", async () => {
    const resident = (): number => {
      const status = readFileSync(`/proc/${s.k.world.gatewayProcess().process?.pid}/status`, "utf8");
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) * 1024;
    };
    const before = resident();
    const client = await rawClient(s.debugging);
    const line = `PATCH ${prod}/configmaps/settings?fieldManager=x&force=true`;
    client.send(
      headOf(s.debugging, line, [
        "Content-Type: application/apply-patch+yaml",
        `Content-Length: ${200 * 1024 * 1024}`,
      ]),
    );
    const piece = Buffer.alloc(64 * 1024, "a: &a [x,x,x,x,x,x,x,x]\n"); // 0x10000 bytes
    for (let sent = 0; sent < 3200 && !client.closed() && !client.text().includes("HTTP/1.1"); sent += 1) {
      if (!client.socket.write(piece)) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(statusOf(await client.until(/HTTP\/1\.1 \d/)), 413);
    client.end();
    const chunked = await rawClient(s.debugging);
    chunked.send(
      headOf(s.debugging, line, ["Content-Type: application/apply-patch+yaml", "Transfer-Encoding: chunked"]),
    );
    for (let sent = 0; sent < 3200 && !chunked.closed() && !chunked.text().includes("HTTP/1.1"); sent += 1) {
      const took = chunked.socket.write(
        Buffer.concat([Buffer.from("10000\r\n"), piece, Buffer.from("\r\n")]),
      );
      if (!took) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal(statusOf(await chunked.until(/HTTP\/1\.1 \d/)), 413);
    chunked.end();
    // Small in bytes, 10^9 values when it is expanded.
    let laughs = "a0: &a0 [x]\n";
    for (let n = 1; n < 10; n += 1)
      laughs += `a${n}: &a${n} [${Array(10)
        .fill(`*a${n - 1}`)
        .join(",")}]\n`;
    const bomb = await s.debugging.api.call("PATCH", line.slice(6), {
      body: `apiVersion: v1\nkind: ConfigMap\n${laughs}`,
      contentType: "application/apply-patch+yaml",
    });
    assert.ok(bomb.status >= 400 && bomb.status < 500, `${bomb.status} ${bomb.text}`);
    assert.ok(resident() - before < 200 * 1024 * 1024, "nothing was expanded");
    await allowed(`GET ${prod}/pods`);
  });

  plays("k8s-090", "deny", async () => {
    const other = await s.k.cluster.admin.call("GET", "/api/v1/namespaces/other/pods?limit=1");
    const all = await s.k.cluster.admin.call("GET", "/api/v1/secrets?limit=1");
    for (const page of [other, all]) {
      const metadata = page.json()["metadata"];
      const token = String(Object(metadata)["continue"]);
      assert.ok(token.length > 10, page.text.slice(0, 200));
      const answer = await s.viewer.api.call("GET", `${prod}/pods?limit=500&continue=${token}`);
      assert.ok(
        answer.status >= 400 || !answer.text.includes('"namespace":"other"'),
        answer.text.slice(0, 300),
      );
      assert.ok(!answer.text.includes('"kind":"Secret"'));
      clean(answer.text, "a continued list");
    }
  });

  test("afterwards etcd holds what it held", async () => {
    assert.ok(held.length > 10, held.join("\n"));
    assert.deepEqual(await s.held(), held);
  });

  test("neither recordings nor the audit log hold anything sensitive", () => {
    const written = s.written();
    assert.match(written, /namespaces\/prod-app\/secrets/, "what was asked for is there");
    clean(written, "what the gateway has written");
  });

  rate();
});
