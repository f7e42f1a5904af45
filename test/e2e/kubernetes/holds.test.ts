import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { effects } from "../../../src/core/session/operation.ts";
import type { Running } from "../../../src/demo/run.ts";
import { type Kubectl, kubectls, withoutKubectl } from "../../support/kubernetes/tools.ts";
import {
  type KubernetesConnection,
  type KubernetesWorld,
  startKubernetesWorld,
} from "../../support/kubernetes/world.ts";

const policy = `
@id("oncall") @grant("sre-leads") permit (principal in Group::"oncall", action, resource);
@id("changes-need-a-lead") @approve("sre-leads") @within("10m")
forbid (principal, action in [Action::"write", Action::"destroy"], resource)
unless { context.approvedBy.contains("sre-leads") };
@id("nobody-looks-at-leases") @approve("sre-leads") @within("10m")
forbid (principal, action, resource)
when { context.resource == "leases" }
unless { context.approvedBy.contains("sre-leads") };
`;
const listed = z.object({
  items: z.array(z.object({ id: z.string(), kind: z.string(), state: z.string() })),
});

describe("requests that policy holds", { skip: withoutKubectl() }, () => {
  let k: KubernetesWorld;
  let ana: KubernetesConnection;
  let kubectl: Kubectl;
  before(async () => {
    [kubectl] = kubectls().slice(-1) as [Kubectl];
    k = await startKubernetesWorld({ policy });
    await k.world.logIn("ana", "lee");
    ana = await k.connect("ana", { approver: "lee", args: ["--effect", ...effects] });
  });
  after(() => k.stop());

  const pending = async (): Promise<readonly string[]> => {
    const { items } = listed.parse(JSON.parse((await k.world.does("lee", ["requests", "--json"])).stdout()));
    return items.filter(({ kind, state }) => kind === "operation" && state === "pending").map(({ id }) => id);
  };
  const untilPending = async (count: number): Promise<readonly string[]> => {
    for (let tries = 0; tries < 60; tries += 1) {
      const found = await pending();
      if (found.length === count) return found;
    }
    throw new Error(`there are not ${count} requests`);
  };
  const run = (...args: string[]): Running => ana.kubectl(kubectl, ["-n", "prod-app", ...args]);

  test("wait, and get their real answer once a reviewer has approved", { timeout: 60_000 }, async () => {
    const running = run("label", "pod", "web", "held=yes");
    const [request = ""] = await untilPending(1);
    const shown = await k.world.does("lee", ["requests", request]);
    assert.match(shown.stdout(), /held/, "the reviewer sees what would be sent");
    assert.equal(await (await k.world.review("lee", request)).ended(), 0);
    assert.equal(await running.ended(), 0, running.output());
    assert.match(running.stdout(), /pod\/web labeled/);
    assert.match(running.stderr(), new RegExp(`Warning: ihc: the request waited for approval as ${request}`));
  });

  test("that are denied get a Status that kubectl prints as it stands", { timeout: 60_000 }, async () => {
    const running = run("delete", "configmap", "settings");
    const [request = ""] = await untilPending(1);
    assert.equal(await (await k.world.review("lee", request, "deny")).ended(), 0);
    assert.equal(await running.ended(), 1);
    assert.match(running.stderr(), /ihc: .*denied/);
    assert.match(running.stderr(), /changes-need-a-lead/);
    assert.match(running.stderr(), /was denied by lee@acme.io; stop here and talk to the reviewer/);
    assert.equal(
      (await k.cluster.admin.call("GET", "/api/v1/namespaces/prod-app/configmaps/settings")).status,
      200,
    );
  });

  test("whose client goes away are withdrawn, and nothing is sent", { timeout: 60_000 }, async () => {
    const running = run("delete", "pod", "worker", "--wait=false");
    const [request = ""] = await untilPending(1);
    await running.end("SIGINT");
    await untilPending(0);
    const late = await k.world.review("lee", request);
    assert.notEqual(await late.ended(), 0);
    assert.equal((await k.cluster.admin.call("GET", "/api/v1/namespaces/prod-app/pods/worker")).status, 200);
  });

  test("reviewed by the same person twice at once run once", { timeout: 60_000 }, async () => {
    const running = run("annotate", "pod", "web", "once=yes");
    const [request = ""] = await untilPending(1);
    const reviews = await Promise.all([k.world.review("lee", request), k.world.review("lee", request)]);
    const codes = await Promise.all(reviews.map((review) => review.ended()));
    assert.equal(codes.filter((code) => code === 0).length >= 1, true);
    assert.equal(await running.ended(), 0, running.output());
    const patches = await k.cluster.auditUntil(
      ({ verb, requestURI }) => verb === "patch" && requestURI.includes("fieldManager=kubectl-annotate"),
    );
    assert.equal(patches.length, 1);
  });

  test("are not those that say how long they wait: they are refused, with what to do", async () => {
    const leases = "/apis/coordination.k8s.io/v1/namespaces/prod-app/leases";
    const answer = await ana.api.call("GET", `${leases}?timeout=5s`);
    assert.equal(answer.status, 403);
    assert.match(answer.text, /nobody-looks-at-leases/);
    assert.deepEqual(await pending(), []);
    assert.equal((await ana.api.call("GET", "/apis/coordination.k8s.io/v1?timeout=32s")).status, 200);
  });
});
