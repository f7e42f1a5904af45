import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { parseCast } from "../../../src/core/journal/cast.ts";
import { effects } from "../../../src/core/session/operation.ts";
import { freePort } from "../../../src/demo/gateway.ts";
import { start } from "../../../src/demo/run.ts";
import { clusterCanaries, clusterCanariesIn } from "../../support/kubernetes/canaries.ts";
import { type RunKubectl, runner } from "../../support/kubernetes/kubectl.ts";
import { kubectls, withoutKubectl } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";

const browserPath = ["/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => existsSync(path));

const policy = `
@id("oncall") @grant("sre-leads") permit (principal in Group::"oncall", action, resource);
@id("named") @grant("sre-leads") permit (principal in Group::"oncall", action, resource)
when { context.traits.contains("uses-secret") };
@id("no-delete") @reason("nothing is deleted here")
forbid (principal, action, resource) when { context.verb == "delete" };
@id("scale-needs-a-lead") @approve("sre-leads")
forbid (principal, action, resource) when { context has resource && context.resource == "deployments/scale" }
unless { context.approvedBy.contains("sre-leads") };
`;

describe("the recording of a cluster's session", { skip: withoutKubectl() }, () => {
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  let log: string;
  before(async () => {
    k = await startKubernetesWorld({ policy });
    await k.world.logIn("ana", "lee", "sam");
    ana = await k.connect("ana", { approver: "lee", args: ["--effect", ...effects] });
    await work();
    await k.world.does("ana", ["sessions", "end", ana.session]);
    log = (await k.world.does("sam", ["replay", ana.session, "--format", "text"])).stdout();
  });
  after(() => k.stop());

  /** A little of everything, by one person. */
  async function work(): Promise<void> {
    const [kubectl] = kubectls().slice(-1);
    assert.ok(kubectl);
    const run: RunKubectl = runner(() => ana, kubectl);
    await run(["get", "pods"]);
    await run(["get", "secret", "db-creds", "-o", "yaml"]);
    await run(["delete", "pod", "web"], { code: 1 });
    await run(["get", "pod", "nothing"], { code: 1 });
    k.cluster.kubelet.log("prod-app/web", `mail to ${clusterCanaries.email}\n`);
    await run(["logs", "web"]);
    const scale = ana.kubectl(kubectl, ["-n", "prod-app", "scale", "deployment", "web", "--replicas=3"]);
    const held = await untilRequest();
    await (await k.world.review("lee", held)).ended();
    assert.equal(await scale.ended(20_000), 0, scale.output());
    const command = `printf '\\033[1mbold\\033[m \\033]0;title\\007'; echo ${clusterCanaries.card}; exit 3`;
    const exec = [kubectl.path, "-n", "prod-app", "exec", "-it", "web", "--", "sh", "-c", command];
    const line = `stty rows 33 cols 101; ${exec.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ")}`;
    const terminal = start("script", ["-q", "-e", "-c", line, "/dev/null"], { env: ana.environment });
    assert.equal(await terminal.ended(), 3, terminal.output());
    const watch = ana.kubectl(kubectl, ["-n", "prod-app", "get", "configmaps", "--watch"]);
    await watch.until(/settings/);
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "watched" } };
    await k.cluster.admin.call("POST", "/api/v1/namespaces/prod-app/configmaps", { body });
    await watch.until(/watched/);
    await watch.end();
    await forward(kubectl.path);
  }

  /** The operation that waits, as a reviewer finds it. */
  async function untilRequest(): Promise<string> {
    for (let tries = 0; tries < 50; tries += 1) {
      const pending = (await k.world.does("lee", ["requests"])).stdout();
      const [found] = /req_[0-9A-Z]+(?=.*pending)/.exec(pending) ?? [];
      if (found !== undefined) return found;
    }
    throw new Error("nothing is held");
  }

  async function forward(kubectl: string): Promise<void> {
    const web = createServer((_request, response) => response.end("hello"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    const { port: target } = web.address() as AddressInfo;
    const port = await freePort();
    const args = ["-n", "prod-app", "port-forward", "web", `${port}:${target}`];
    const running = start(kubectl, args, { env: ana.environment });
    await running.until(/Forwarding from 127\.0\.0\.1/);
    const answer = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(10_000) });
    assert.equal(await answer.text(), "hello");
    await running.end();
    web.closeAllConnections();
    web.close();
  }

  test("reads as a log: who as whom, verb, object, verdict, status, bytes, masked fields", () => {
    const expected = [
      /^-- ses_\w+: ana@acme\.io on prod-k8s \(kubernetes\)$/m,
      /^-- approved by lee@acme\.io$/m,
      /^-- the target sees ana@acme\.io, groups ihc:oncall, ihc:sre$/m,
      /^-- \d+ requests of discovery, all answered$/m,
      /^\d\d:\d\d:\d\d {2}list {4}pods prod-app\/\* {2}200 OK {2}2 objects {2}[\d.]+ kB {2}\d+ ms {2}allowed by oncall$/m,
      /get {5}secrets prod-app\/db-creds {2}200 OK.*\n {3}masked 3 fields: data\/password, data\/token/,
      /delete {2}pods prod-app\/web\n.*\n {3}DENIED by rule no-delete: nothing is deleted here/,
      /get {5}pods prod-app\/nothing {2}404 Not Found .*\n {3}pods "nothing" not found/,
      /get {5}pods\/log prod-app\/web -c c {2}200 OK .*\n {3}started\n {3}mail to /,
      /deployments\.apps\/scale prod-app\/web {2}held by rule scale-needs-a-lead/,
      /deployments\.apps\/scale prod-app\/web {2}200 OK.*\n {3}approved by lee@acme\.io as req_\w+ \(rule scale-needs-a-lead\)\n {3}> \{"spec":\{"replicas":3\}\}/,
      /exec 1 {2}pods\/exec prod-app\/web -c c: sh -c .*\n {3}bold /,
      /exec 1: exit 3, \d+ bytes in, \d+ bytes out {2}\d+ ms/,
      /watch {3}configmaps prod-app\/\* {2}ended by the client {2}1 event {2}[\d.]+ k?B/,
      /portforward pods\/portforward prod-app\/web.*\d+ bytes in, \d+ bytes out/,
    ];
    for (const pattern of expected) assert.match(log, pattern);
    assert.doesNotMatch(log, /[^\P{Cc}\n]/u);
  });

  test("holds the command as the terminal that it had", async () => {
    const cast = (
      await k.world.does("sam", ["replay", ana.session, "--exec", "1", "--format", "cast"])
    ).stdout();
    const { header, events } = parseCast(cast);
    assert.deepEqual([header.columns, header.rows], [101, 33]);
    const shown = events.map(({ data }) => data).join("");
    assert.ok(shown.includes("\u001b[1mbold\u001b[m "), shown);
    assert.ok(!shown.includes("title"), shown);
    assert.ok(events.some(({ code, data }) => code === "r" && data === "101x33"));
    const whole = await k.world.does("sam", ["replay", ana.session, "--format", "cast"]);
    assert.match(whole.stdout(), /\[1mbold/);
    await k.world.does("sam", ["replay", ana.session, "--exec", "2", "--format", "cast"], 1);
  });

  test("is events for programs, and full when that is wanted", async () => {
    const json = (await k.world.does("sam", ["replay", ana.session, "--json"])).stdout();
    const types = new Set(
      json
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line).event.type),
    );
    for (const type of ["identity", "operation", "verdict", "rows", "result", "output", "resize", "end"])
      assert.ok(types.has(type), type);
    const full = (await k.world.does("sam", ["replay", ana.session, "--full", "--format", "text"])).stdout();
    assert.match(full, /"kind":"APIResourceList"/);
    const found = await k.world.does("sam", ["replay", ana.session, "--grep", "db-creds"]);
    assert.match(found.stdout(), /masked 3 fields/);
    assert.doesNotMatch(found.stdout(), /exec 1/);
  });

  test("plays in a browser: the log as text, the command in a player", {
    skip: browserPath === undefined,
    timeout: 60_000,
  }, async () => {
    const server = k.world.as("sam", "replay", ana.session, "--web");
    const [url = ""] = await server.until(/http:\/\/127\.0\.0\.1:\d+\/\S+/);
    const browser = await chromium.launch({ executablePath: browserPath ?? "", args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(url);
      assert.match((await page.textContent(".log")) ?? "", /secrets prod-app\/db-creds {2}200 OK/);
      await page.click(".player");
      await page.locator(".ap-player", { hasText: "bold" }).waitFor({ timeout: 20_000 });
      assert.deepEqual(complaints, []);
      const { IHC_SCREENSHOT: screenshot } = process.env;
      if (screenshot !== undefined) await page.screenshot({ path: screenshot, fullPage: true });
    } finally {
      await browser.close();
      await server.end();
    }
  });

  test("proves itself offline, and replays from the bundle", async () => {
    const bundle = join(k.world.folder, "bundle.json");
    await k.world.does("sam", ["evidence", ana.session, bundle]);
    await k.world.does("sam", ["evidence", "verify", bundle]);
    const offline = await k.world.does("sam", ["replay", "--file", bundle, "--format", "text"]);
    assert.equal(offline.stdout(), log);
    assert.deepEqual(clusterCanariesIn(readFileSync(bundle)), []);
    await k.world.does("sam", ["audit", "verify"]);
    const exported = join(k.world.folder, "audit.json");
    await k.world.does("sam", ["audit", "export", exported]);
    assert.match(
      Buffer.from(JSON.parse(readFileSync(exported, "utf8")).leaves.join(""), "base64").toString("latin1"),
      /./,
    );
    await k.world.does("sam", ["audit", "verify", exported]);
  });

  test("stands in the list of sessions", async () => {
    const list = (await k.world.does("sam", ["sessions"])).stdout();
    assert.match(list, new RegExp(`${ana.session} +ana@acme\\.io +prod-k8s +.*ended after`));
  });

  test("holds nothing that is masked, nor does anything else that the gateway keeps", async () => {
    await k.world.gatewayProcess().stop();
    const files = readdirSync(k.world.folder, { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    const kept = files.filter(({ parentPath }) => !parentPath.includes("/people/"));
    assert.ok(kept.length > 5, `${kept.length} files`);
    for (const { parentPath, name } of kept)
      assert.deepEqual(clusterCanariesIn(readFileSync(join(parentPath, name))), [], name);
    assert.deepEqual(clusterCanariesIn(log), []);
  });
});
