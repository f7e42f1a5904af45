import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { suite, test } from "node:test";
import { z } from "zod";
import type { GrantId, RequestId } from "../../../src/base/ids.ts";
import { compilePolicy } from "../../../src/core/access/cedar.ts";
import type { Effect } from "../../../src/core/session/operation.ts";
import type { KubernetesOperation } from "../../../src/protocols/kubernetes/operation.ts";
import { BadRequest } from "../../../src/protocols/kubernetes/wire/bad-request.ts";
import { later, noon, person } from "../../core/access/people.ts";
import { p1KubernetesGrants, p1KubernetesPolicy, p1People } from "../../support/p1/p1.ts";
import { type AgentCall, agentCalls, requestsOf } from "./agent-calls.ts";
import { classified, type Sent } from "./requests.ts";

const target = { name: "prod-k8s", protocol: "kubernetes", labels: { env: "prod" } };
const { policy } = compilePolicy([p1KubernetesPolicy()], [target]);
const alice = person("alice", p1People.alice);

type Grant = keyof typeof p1KubernetesGrants;

/** The verdict of P1, the protocol's own refusals first, as the session's stages have it. */
function judge(operation: KubernetesOperation, held: Grant, approvedBy: readonly string[] = []): string {
  if (operation.refusal) return "deny";
  const { effect, kind, resources, traits, attributes } = operation;
  const verdict = policy?.judge({
    principal: alice,
    target,
    effect,
    kind,
    resources,
    traits,
    ...(attributes ? { attributes } : {}),
    approvedBy,
    grant: grant(held),
    now: noon,
  });
  return verdict?.kind ?? "no policy";
}

function grant(held: Grant) {
  return {
    id: "gra_AAAAAAAAAAAA" as GrantId,
    version: 1,
    state: "active",
    request: "req_AAAAAAAAAAAA" as RequestId,
    principal: alice,
    target: target.name,
    effects: p1KubernetesGrants[held],
    reason: "x",
    breakGlass: false,
    approvedBy: ["bob"],
    slots: [{ group: "senior", people: 1 }],
    startsAt: noon,
    expiresAt: later(60_000),
  } as const;
}

const schema = z.object({
  id: z.string(),
  input: z.object({ request: z.string(), headers: z.string().optional() }),
  setup: z.object({ grant: z.enum(["viewer", "debugger"]) }),
  expected: z.object({ verdict: z.string() }),
  form: z.string(),
});

const cases = readFileSync(new URL("../../cases/k8s.jsonl", import.meta.url), "utf8")
  .split("\n")
  .flatMap((line) => (line === "" ? [] : [schema.parse(JSON.parse(line))]));

const prod = "/api/v1/namespaces/prod-app";
const other = Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"other/web\\u0000"}').toString("base64url");

/** The cases told in words, as requests. Those of the wire (upgrades, redirects, streams, headers) are played elsewhere. */
const scenarios: Readonly<Record<string, readonly (readonly [line: string, sent?: Sent])[]>> = {
  "k8s-005": [["GET /api"], ["GET /apis"], ["GET /openapi/v3"], ["GET /version"]],
  "k8s-018": [["GET http://evil.example/api/v1/namespaces/prod-app/pods"]],
  "k8s-037": [[`GET ${prod}/secrets?watch=1`, { headers: { upgrade: "websocket", origin: "https://x" } }]],
  "k8s-061": [[`GET ${prod}/pods/web/portforward`, { headers: { upgrade: "websocket" } }]],
  "k8s-064": [[`PATCH ${prod}/pods/web/ephemeralcontainers`]],
  "k8s-068": [[`DELETE ${prod}/pods`]],
  "k8s-069": [
    [`DELETE ${prod}/pods/web`, { body: { dryRun: ["All"] } }],
    [`DELETE ${prod}/pods/web?dryRun=All&dryRun=All`],
    [`DELETE ${prod}/pods/web?dryRun=all`],
  ],
  "k8s-071": [[`POST ${prod}/pods/web/eviction`]],
  "k8s-072": [[`POST ${prod}/pods/web/binding`]],
  "k8s-074": [["POST /apis/rbac.authorization.k8s.io/v1/namespaces/prod-app/rolebindings"]],
  "k8s-078": [
    [`POST ${prod}/pods`, { body: { spec: { hostPID: true, volumes: [{ hostPath: { path: "/" } }] } } }],
  ],
  "k8s-079": [["POST /apis/batch/v1/namespaces/prod-app/cronjobs"]],
  "k8s-080": [["GET /debug/pprof/"], ["GET /metrics"], ["GET /logs/"]],
  "k8s-082": [["TRACE /"], ["OPTIONS /"], ["CONNECT x:443"], [`get ${prod}/pods`]],
  "k8s-083": [
    [
      `POST ${prod}/pods/web/exec?command=id`,
      { headers: { "x-stream-protocol-version": "v4.channel.k8s.io" } },
    ],
  ],
  "k8s-090": [[`GET ${prod}/pods?limit=500&continue=${other}`]],
};

suite("the requests of the cases, judged by P1", () => {
  for (const one of cases) {
    const exact = one.form === "exact" && one.input.headers === undefined;
    const requests = scenarios[one.id] ?? (exact ? [[one.input.request] as const] : []);
    for (const [line, sent] of requests)
      test(`${one.id}: ${line}`, () => {
        const verdict = verdictOf(line, sent, one.setup.grant);
        if (one.expected.verdict === "allow") assert.equal(verdict, "allow");
        if (one.expected.verdict === "deny") assert.equal(verdict, "deny");
      });
  }

  test("most of them are told as requests", () => {
    const told = cases.filter((one) => scenarios[one.id] ?? (one.form === "exact" && !one.input.headers));
    assert.ok(told.length >= 27, String(told.length));
  });

  const exec = classified(`GET ${prod}/pods/web/exec?command=id`, { headers: { upgrade: "websocket" } });
  const both = ["senior", "security"];
  const table: readonly [Grant, readonly string[], string][] = [
    ["viewer", [], "deny"],
    ["viewer", both, "deny"],
    ["debugger", [], "hold"],
    ["debugger", ["senior"], "hold"],
    ["debugger", both, "allow"],
  ];
  for (const [held, approvedBy, verdict] of table)
    test(`exec by a ${held} with approval by ${approvedBy.join(" and ") || "nobody"}: ${verdict}`, () => {
      assert.equal(judge(exec, held, approvedBy), verdict);
    });
});

function verdictOf(line: string, sent: Sent | undefined, held: Grant): string {
  try {
    return judge(classified(line, sent), held);
  } catch (error) {
    assert.ok(error instanceof BadRequest, String(error));
    return "deny";
  }
}

/** What each tool's requests are at worst. */
const effects: Readonly<Record<string, readonly Effect[]>> = {
  namespaces_list: ["read"],
  pods_list: ["read"],
  pods_list_in_namespace: ["read"],
  pods_get: ["read"],
  pods_log: ["read"],
  pods_delete: ["destroy"],
  pods_run: ["write"],
  pods_exec: ["unknown"],
  events_list: ["read"],
  resources_get: ["read"],
  resources_list: ["read"],
  resources_delete: ["destroy"],
  resources_scale: ["read", "write"],
  resources_create_or_update: ["write", "admin"],
  nodes_top: ["read"],
  nodes_stats_summary: ["unknown"],
};

suite("what a real agent did", () => {
  const calls = agentCalls();

  test("is understood call by call, each with a sane effect", () => {
    assert.equal(calls.length, 204);
    for (const call of calls)
      for (const { line, ...sent } of requestsOf(call)) {
        const operation = classified(line, sent);
        assert.ok(effects[call.tool]?.includes(operation.effect), `${line}: ${operation.effect}`);
        assert.equal(operation.refusal?.rule, refusals[call.tool] ?? unknown(line), line);
      }
  });

  test("is a write in more than a quarter of the calls, as its transcripts say", () => {
    const writes = calls.filter((call) => worstOf(call) !== "read");
    assert.ok(writes.length / calls.length > 0.25 && writes.length / calls.length < 0.4);
  });

  test("changes access only where it writes roles and bindings", () => {
    const traits = new Set(["escalate", "bind"]);
    for (const call of calls)
      for (const { line, ...sent } of requestsOf(call)) {
        const operation = classified(line, sent);
        const changes = operation.effect !== "read" && line.includes("rbac.authorization.k8s.io");
        assert.equal(
          operation.traits.some((trait) => traits.has(trait)),
          changes,
          line,
        );
      }
  });

  test("uses no secret and lifts no limit of a pod", () => {
    const never = ["uses-secret", "privileged", "host-path", "host-namespace", "cluster-admin"];
    for (const call of calls)
      for (const { line, ...sent } of requestsOf(call))
        assert.ok(!classified(line, sent).traits.some((trait) => never.includes(trait)), line);
  });

  test("is denied to a viewer wherever it is no read of what P1 names", () => {
    for (const call of calls)
      for (const { line, ...sent } of requestsOf(call)) {
        const operation = classified(line, sent);
        if (operation.effect !== "read" || !line.includes("/prod-app/"))
          assert.equal(judge(operation, "viewer"), "deny", line);
      }
  });
});

const refusals: Readonly<Record<string, string>> = { nodes_stats_summary: "proxy" };

/** OpenShift's routes: the agent looked for them on a cluster that has none. */
function unknown(line: string): string | undefined {
  return line.includes("route.openshift.io") ? "unknown-resource" : undefined;
}

function worstOf(call: AgentCall): Effect {
  const order: readonly Effect[] = ["read", "write", "destroy", "admin", "unknown"];
  const found = requestsOf(call).map(({ line, ...sent }) => classified(line, sent).effect);
  return found.reduce((a, b) => (order.indexOf(a) > order.indexOf(b) ? a : b), "read" as Effect);
}
