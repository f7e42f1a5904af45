import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, type RequestOptions, request } from "node:https";
import { after, before, describe, test } from "node:test";
import { BadRequest } from "../../../../src/protocols/kubernetes/wire/bad-request.ts";
import { parseRequest, type RequestInfo } from "../../../../src/protocols/kubernetes/wire/request-info.ts";
import type { AuditEvent } from "../../../support/kubernetes/audit.ts";
import { type Cluster, startCluster } from "../../../support/kubernetes/cluster.ts";
import { withoutCluster } from "../../../support/kubernetes/tools.ts";

/**
 * What we read from a request target against what a real API server reads from it, by its own audit log: each target is sent
 * as it stands and as we rebuild it, and both must mean to the server what they mean to us.
 */
const groups = ["/api/v1", "/apis/apps/v1", "/apis/batch/v1", "/apis/rbac.authorization.k8s.io/v1"];
const scopes = ["", "/namespaces/prod-app"];
const resources: readonly string[] = ["pods", "secrets", "deployments", "jobs", "roles", "nodes", "nothings"];
const subresources = ["", "/status", "/scale", "/log", "/exec", "/eviction", "/nothing"];
const queries = ["", "?watch=1&timeoutSeconds=1", "?watch", "?watch=false", "?watch=foo", "?watch=0"];
const selectors = [
  "metadata.name%3Dweb",
  "metadata.name=web",
  "spec.nodeName%3Dn1",
  "metadata.name%21%3Dweb",
];

const collections = groups.flatMap((group) =>
  scopes.flatMap((scope) => resources.map((resource) => `${group}${scope}/${resource}`)),
);
const targets: readonly string[] = [
  ...collections.flatMap((path, index) => [
    `GET ${path}${queries[index % queries.length]}`,
    `POST ${path}?dryRun=All`,
    `DELETE ${path}?dryRun=All`,
    `GET ${path}/web${subresources[index % subresources.length]}`,
    `GET ${path}/web${subresources[(index + 3) % subresources.length]}`,
    `PUT ${path}/web?dryRun=All`,
    `PATCH ${path}/web${subresources[index % 3]}?dryRun=All`,
    `DELETE ${path}/web?dryRun=All`,
    `HEAD ${path}`,
  ]),
  ...selectors.map((selector) => `GET /api/v1/namespaces/prod-app/pods?fieldSelector=${selector}`),
  ...queries.map((query) => `GET /api/v1/pods${query}`),
  ...[
    "/api/v1/watch/pods",
    "/api/v1/watch/namespaces/prod-app/secrets",
    "/api/v1/watch/namespaces/prod-app/pods/web",
  ].map((path) => `GET ${path}?timeoutSeconds=1`),
  ..."/ /api /api/v1 /apis /apis/apps /apis/apps/v1 /version /healthz /readyz/ping /metrics /openapi/v2 /logs/x /apis/x"
    .split(" ")
    .map((path) => `GET ${path}`),
  ...["", "/prod-app", "/prod-app/status", "/prod-app/finalize", "/status", "/prod-app/pods/status"].map(
    (path) => `GET /api/v1/namespaces${path}`,
  ),
  "PUT /api/v1/namespaces/prod-app/finalize?dryRun=All",
  "PUT /api/v1/namespaces/prod-app/status?dryRun=All",
  "GET /api/v1/namespaces/prod-app/pods/we%62",
  "GET /api/v1/namespaces/prod-app/pods/web%20",
  "GET /api/v1/namespaces/prod-app/%70ods",
  "GET /api/v1/namespaces/prod%2dapp/secrets/db-creds",
  "GET /api/v1/namespaces/prod-app/pods?watch&watch=0",
  "GET /api/v1/namespaces/prod-app/pods?%77atch=1&timeoutSeconds=1",
  "GET /api/v1/namespaces/prod-app/pods?Watch=1",
  "GET /api/v1/namespaces/prod-app/pods?a=1;watch=1",
  "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system:discovery",
  "GET /apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Adiscovery",
  "GET /apis/apiextensions.k8s.io/v1/customresourcedefinitions",
  "GET /api/v1/nodes/n1/proxy/run/x",
  "GET /api/v1/namespaces/prod-app/services/web:80/proxy/",
  "GET /api/v1/namespaces/prod-app/services/web/proxy/a/b",
  "POST /api/v1/namespaces/prod-app/serviceaccounts/default/token?dryRun=All",
  "GET /api/v1/componentstatuses",
];

/** Each of these means to the server something else than it shows, or nothing that a client needs. */
const refused: readonly string[] = [
  "GET /api/v1/namespaces/prod-app%2fsecrets",
  "GET /api/v1/namespaces/prod-app/secrets%2Fdb-creds",
  "GET /api/v1/namespaces/prod-app/pods/web%2Fexec?command=id&stdout=1",
  "GET /api/v1/namespaces//secrets",
  "GET //api/v1/pods",
  "GET /api/v1/namespaces/prod-app/pods/../secrets",
  "GET /api/v1/namespaces/prod-app/./pods",
  "GET /api/v1/namespaces/prod-app/%2e%2e/pods",
  "GET /api/v1/namespaces/prod-app%5csecrets",
  "GET /api/v1/namespaces/prod-app/pods%00",
  "GET /api/v1/namespaces/prod-app/pods%0a",
  "GET /api/v1/namespaces/prod-app/%ff",
  "GET /api/v1/namespaces/prod-app/%252e%252e",
  "GET /api/v1/namespaces/prod-app/pods?watch=0&watch=1",
  "GET /api/v1/namespaces/prod-app/pods?watch=0&%77atch=1",
  "GET /api/v1/namespaces/PROD-APP/pods",
  "OPTIONS /api/v1/pods",
  "get /api/v1/pods",
];

describe("the meaning of a request target", { skip: withoutCluster() }, () => {
  let cluster: Cluster;
  let agent: Agent;
  before(async () => {
    cluster = await startCluster();
    agent = new Agent({ keepAlive: true, ca: cluster.ca, maxSockets: 8 });
  });
  after(async () => {
    agent.destroy();
    await cluster.stop();
  });

  /** Sends the target as it stands; resolves with the head of the answer. */
  async function send(method: string, path: string): Promise<string> {
    const id = randomUUID();
    const headers = {
      authorization: `Bearer ${cluster.tokens.admin}`,
      "audit-id": id,
      accept: "application/json",
    };
    const options: RequestOptions = { host: "127.0.0.1", port: cluster.port, agent, method, path, headers };
    const sent = request({ ...options, timeout: 10_000 });
    sent.on("error", () => sent.destroy());
    sent.end();
    const [answer] = await once(sent, "response", { signal: AbortSignal.timeout(15_000) });
    answer.on("error", () => answer.destroy());
    if (path.toLowerCase().includes("watch")) answer.destroy();
    else answer.resume();
    return id;
  }

  test("is to the API server what it is to us, as sent and as rebuilt", { timeout: 110_000 }, async (t) => {
    const sent: { line: string; info: RequestInfo; id: string }[] = [];
    const not: string[] = [];
    for (const line of targets) {
      const [method = "", target = ""] = line.split(" ");
      const info = read(method, target);
      if (info === undefined) not.push(line);
      else
        for (const path of new Set([target, info.target]))
          sent.push({ line, info, id: await send(method, path) });
    }
    const ids = new Set(sent.map(({ id }) => id));
    const events = await cluster.auditUntil(({ auditID }) => ids.has(auditID), ids.size);
    const byId = new Map(events.map((event) => [event.auditID, event]));
    const wrong = sent.flatMap(({ line, info, id }) => differences(line, info, byId.get(id)));
    t.diagnostic(`${sent.length} requests of ${targets.length} targets compared; refused: ${not.length}`);
    assert.deepEqual(wrong, []);
    assert.ok(sent.length >= 400, "that would prove little");
    assert.deepEqual(
      not.filter((line) => !/nothing|Watch=1|;watch|watch=0$|proxy/.test(line)),
      [],
    );
  });

  test("is refused where the API server would read another path than it shows", () => {
    const taken = refused.filter((line) => {
      const [method = "", target = ""] = line.split(" ");
      return read(method, target) !== undefined;
    });
    assert.deepEqual(taken, []);
  });
});

function read(method: string, target: string): RequestInfo | undefined {
  try {
    return parseRequest(method, target);
  } catch (error) {
    assert.ok(error instanceof BadRequest, `${method} ${target}: ${error}`);
    return undefined;
  }
}

function differences(line: string, info: RequestInfo, event: AuditEvent | undefined): string[] {
  if (event === undefined) return [`${line}: not in the audit log`];
  const { objectRef } = event;
  const theirs = {
    isResource: objectRef !== undefined,
    verb: event.verb,
    group: objectRef?.apiGroup ?? "",
    version: objectRef?.apiVersion ?? "",
    namespace: objectRef?.namespace ?? "",
    resource: objectRef?.resource ?? "",
    subresource: objectRef?.subresource ?? "",
    name: objectRef?.name ?? "",
  };
  return Object.entries(theirs).flatMap(([key, value]) => {
    const ours = info[key as keyof typeof theirs];
    return ours === value ? [] : [`${line}: ${key} is ${value} to the server, ${ours} to us`];
  });
}
