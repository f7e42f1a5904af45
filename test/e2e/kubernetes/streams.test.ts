import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { effects } from "../../../src/core/session/operation.ts";
import { freePort } from "../../../src/demo/gateway.ts";
import { start } from "../../../src/demo/run.ts";
import { clusterCanaries, clusterCanariesIn } from "../../support/kubernetes/canaries.ts";
import { type RunKubectl, runner } from "../../support/kubernetes/kubectl.ts";
import { type Kubectl, kubectls, withoutKubectl } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";

const at = (version: string): readonly Kubectl[] => kubectls().filter((one) => one.version === version);
const overWebSocket = ["1.30", "1.31", "1.33"].flatMap(at);
const overSpdy = ["1.27", "1.29"].flatMap(at);
const forwarding = ["1.31", "1.32", "1.33"].flatMap(at);

describe("kubectl's streams through the gateway", { skip: withoutKubectl() }, () => {
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  let folder: string;
  let web: Server;
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "ihc-streams-"));
    web = createServer((request, response) => response.end(`hello from ${request.url}\n`));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    k = await startKubernetesWorld();
    await k.world.logIn("ana", "lee");
    ana = await k.connect("ana", { approver: "lee", args: ["--effect", ...effects] });
  });
  after(async () => {
    web.close();
    rmSync(folder, { recursive: true });
    await k.stop();
  });

  for (const kubectl of overWebSocket)
    describe(`exec of ${kubectl.version}`, () => {
      const run: RunKubectl = runner(() => ana, kubectl);

      test("keeps stdout, stderr and the exit code apart", async () => {
        const said = await run(["exec", "web", "--", "sh", "-c", "echo out; echo err >&2; exit 3"], {
          code: 3,
        });
        assert.equal(said.stdout, "out\n");
        assert.match(said.stderr, /^Warning: ihc: this session is recorded[^\n]*\nerr\n/);
        assert.equal((await run(["exec", "web", "-c", "c", "--", "true"])).stdout, "");
        await run(["exec", "web", "--", "no-such-program"], { code: 127 });
      });

      test("sends stdin whole, and its end", async () => {
        const input = "line with ünïcode\n".repeat(20_000);
        const { stdout } = await run(["exec", "-i", "web", "--", "wc", "-c"], { input });
        assert.equal(Number(stdout), Buffer.byteLength(input));
        assert.equal((await run(["exec", "-i", "web", "--", "cat"], { input })).stdout, input);
      });

      test("masks what the command prints, also where a value comes in two pieces", async () => {
        const [half, rest] = [clusterCanaries.email.slice(0, 9), clusterCanaries.email.slice(9)];
        const command = `printf 'to %s' ${half}; sleep 0.2; echo ${rest}; echo ${clusterCanaries.card} >&2`;
        assert.match((await run(["exec", "web", "--", "sh", "-c", command])).stdout, /^to /);
      });

      test("lends a terminal, with its size", async () => {
        const exec = [kubectl.path, "-n", "prod-app", "exec", "-it", "web", "--", "sh", "-c", "tty; exit 4"];
        const line = `stty rows 33 cols 101; ${exec.map((word) => `'${word}'`).join(" ")}`;
        const running = start("script", ["-q", "-e", "-c", line, "/dev/null"], { env: ana.environment });
        assert.equal(await running.ended(), 4, running.output());
        assert.match(running.output(), /\/dev\/pts\/\d+/);
        const last = k.cluster.kubelet.commands.at(-1);
        assert.ok(
          last?.sizes.some(({ width, height }) => width === 101 && height === 33),
          JSON.stringify(last?.sizes),
        );
      });

      test("cp carries files in and out", async () => {
        const [there, back] = [join(folder, `${kubectl.version}.in`), join(folder, `${kubectl.version}.out`)];
        const content = "0123456789abcdef\n".repeat(30_000);
        writeFileSync(there, content);
        await run(["cp", there, "web:copied"]);
        await run(["cp", "web:copied", back]);
        assert.equal(readFileSync(back, "utf8"), content);
      });
    });

  for (const kubectl of overSpdy)
    test(`exec of ${kubectl.version} is refused with the way out`, async () => {
      const before = k.cluster.kubelet.commands.length;
      const { stderr } = await runner(() => ana, kubectl)(["exec", "web", "--", "id"], { code: 1 });
      assert.match(stderr, /1\.30/);
      assert.equal(k.cluster.kubelet.commands.length, before);
    });

  for (const kubectl of forwarding)
    test(`port-forward of ${kubectl.version} reaches the pod's port, again and again`, async () => {
      const port = await freePort();
      const { port: target } = web.address() as AddressInfo;
      const running = ana.kubectl(kubectl, ["-n", "prod-app", "port-forward", "web", `${port}:${target}`]);
      try {
        await running.until(/Forwarding from 127\.0\.0\.1/);
        for (const path of ["/one", "/two"]) {
          const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
            signal: AbortSignal.timeout(10_000),
          });
          assert.equal(await answer.text(), `hello from ${path}\n`);
        }
      } finally {
        await running.end();
      }
    });

  test("attach shows what runs", async () => {
    const [kubectl] = at("1.33");
    assert.ok(kubectl);
    const running = ana.kubectl(kubectl, ["-n", "prod-app", "attach", "-i", "web"], {
      input: "to the program\n",
    });
    await running.until(/to the program/);
    assert.deepEqual(clusterCanariesIn(running.output()), []);
    await running.end();
  });

  test("exec, port-forward, watch and followed logs end within a second of the session", async () => {
    const [kubectl] = at("1.33");
    assert.ok(kubectl);
    const bob = await k.connect("ana", { args: ["--effect", ...effects] });
    const args = [
      ["exec", "web", "--", "sh", "-c", "echo begun; sleep 60"],
      ["logs", "-f", "web"],
      ["get", "pods", "--watch"],
      ["port-forward", "web", `${await freePort()}:80`],
    ];
    const patterns = [/begun/, /started/, /worker/, /Forwarding/];
    const running = args.map((one) => bob.kubectl(kubectl, ["-n", "prod-app", ...one]));
    await Promise.all(running.map((one, index) => one.until(patterns[index] ?? /./)));
    const from = performance.now();
    await k.world.does("ana", ["sessions", "end", bob.session]);
    const told = performance.now();
    const [exec, logs] = running;
    assert.ok(exec && logs);
    await Promise.all([exec.ended(5000), logs.ended(5000)]);
    assert.ok(performance.now() - told < 2000, `${performance.now() - from} ms`);
    await Promise.all(running.map((one) => one.end()));
    const command = k.cluster.kubelet.commands.at(-1);
    assert.ok(command);
    await command.ended;
  });
});
