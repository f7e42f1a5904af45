import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { effects } from "../../../src/core/session/operation.ts";
import { freePort } from "../../../src/demo/gateway.ts";
import { type Running, start } from "../../../src/demo/run.ts";
import { clusterCanaries } from "../../support/kubernetes/canaries.ts";
import { type RunKubectl, runner } from "../../support/kubernetes/kubectl.ts";
import { type Kubectl, kubectls, withoutKubectl } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";

const at = (version: string): readonly Kubectl[] => kubectls().filter((one) => one.version === version);

/** Before 1.29 a kubelet's WebSockets speak v4 alone, and the API server passes on what it says. */
describe("a cluster whose WebSockets are too old", { skip: withoutKubectl() }, () => {
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  let folder: string;
  let web: Server;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ihc-older-"));
    web = createServer((request, response) => response.end(`hello from ${request.url}\n`));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    k = await startKubernetesWorld();
    k.cluster.kubelet.protocols = ["v4.channel.k8s.io"];
    await k.world.logIn("ana", "lee");
    ana = await k.connect("ana", { approver: "lee", args: ["--effect", ...effects] });
  });
  after(async () => {
    web.close();
    rmSync(folder, { recursive: true });
    await k.stop();
  });

  const lastProtocol = (): string | undefined => k.cluster.kubelet.commands.at(-1)?.protocol;

  for (const { path, version } of at("1.27"))
    test(`is what the stand-in is: kubectl ${version} uses it over SPDY without a gateway`, async () => {
      const direct = (args: readonly string[], input?: string): Running =>
        start(path, ["--kubeconfig", k.cluster.kubeconfig("admin"), "-n", "prod-app", ...args], {
          env: { HOME: folder },
          ...(input === undefined ? {} : { input }),
        });
      const counted = direct(["exec", "-i", "web", "--", "wc", "-c"], "x".repeat(100_000));
      assert.equal(await counted.ended(20_000), 0, counted.output());
      assert.equal(Number(counted.stdout()), 100_000);
      assert.equal(lastProtocol(), "SPDY/3.1");
      const failing = direct(["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
      assert.equal(await failing.ended(20_000), 3);
      assert.equal(failing.stdout(), "out\n");
      assert.match(failing.stderr(), /^err\n/);
    });

  for (const kubectl of ["1.30", "1.33"].flatMap(at))
    describe(`with kubectl ${kubectl.version} through the gateway`, () => {
      const run: RunKubectl = runner(() => ana, kubectl);

      test("tells a command that its input has ended", async () => {
        const input = "line with ünïcode\n".repeat(20_000);
        const { stdout } = await run(["exec", "-i", "web", "--", "wc", "-c"], { input });
        assert.equal(Number(stdout), Buffer.byteLength(input));
        assert.equal(lastProtocol(), "SPDY/3.1");
        assert.equal((await run(["exec", "-i", "web", "--", "cat"], { input })).stdout, input);
      });

      test("keeps stdout, stderr and exit codes apart, and masks both", async () => {
        const command = `echo ${clusterCanaries.email}; echo err ${clusterCanaries.card} >&2; exit 3`;
        for (const args of [["exec"], ["exec", "-i"]]) {
          const said = await run([...args, "web", "--", "sh", "-c", command], { code: 3, input: "" });
          assert.match(said.stdout, /^\[redacted\]\n$/);
          assert.match(said.stderr, /\nerr \[redacted\]\n/);
        }
      });

      test("lends a terminal, with its size", async () => {
        const shell = "read line; echo got $line; tty; exit 4";
        const exec = [kubectl.path, "-n", "prod-app", "exec", "-it", "web", "--", "sh", "-c", shell];
        const line = `stty rows 33 cols 101; ${exec.map((word) => `'${word}'`).join(" ")}`;
        const running = start("script", ["-q", "-e", "-c", line, "/dev/null"], {
          env: ana.environment,
          input: "words\n",
        });
        assert.equal(await running.ended(20_000), 4, running.output());
        assert.match(running.output(), /got words/);
        assert.match(running.output(), /\/dev\/pts\/\d+/);
        const last = k.cluster.kubelet.commands.at(-1);
        assert.equal(last?.protocol, "SPDY/3.1");
        assert.ok(last.sizes.some(({ width, height }) => width === 101 && height === 33));
      });

      test("copies files in and out", async () => {
        const [there, back] = [join(folder, `${kubectl.version}.in`), join(folder, `${kubectl.version}.out`)];
        const content = "0123456789abcdef\n".repeat(30_000);
        writeFileSync(there, content);
        await run(["cp", there, "web:copied"]);
        await run(["cp", "web:copied", back]);
        assert.equal(readFileSync(back, "utf8"), content);
      });
    });

  for (const kubectl of at("1.33"))
    test(`forwards ports for kubectl ${kubectl.version}`, async () => {
      const port = await freePort();
      const { port: target } = web.address() as AddressInfo;
      const running = ana.kubectl(kubectl, ["-n", "prod-app", "port-forward", "web", `${port}:${target}`]);
      try {
        await running.until(/Forwarding from 127\.0\.0\.1/);
        for (const path of ["/one", "/two"]) {
          const signal = AbortSignal.timeout(10_000);
          const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal });
          assert.equal(await answer.text(), `hello from ${path}\n`);
        }
      } finally {
        await running.end();
      }
    });

  test("is not asked twice when it has said no itself", async () => {
    const [kubectl] = at("1.33");
    assert.ok(kubectl);
    const run = runner(() => ana, kubectl);
    const { stderr } = await run(["exec", "-i", "web", "-c", "nowhere", "--", "cat"], { code: 1 });
    assert.match(stderr, /nowhere is not valid/);
    const ofIt = ({ requestURI }: { requestURI: string }): boolean =>
      requestURI.includes("container=nowhere");
    await k.cluster.auditUntil(ofIt);
    const asked = k.cluster.audit().filter(ofIt);
    assert.equal(new Set(asked.map(({ auditID }) => auditID)).size, 1);
  });
});
