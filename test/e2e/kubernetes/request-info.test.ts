import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import fc from "fast-check";
import { BadRequest } from "../../../src/protocols/kubernetes/wire/bad-request.ts";
import { parseRequest, type RequestInfo } from "../../../src/protocols/kubernetes/wire/request-info.ts";
import type { AuditEvent } from "../../support/kubernetes/audit.ts";
import { type Cluster, startCluster } from "../../support/kubernetes/cluster.ts";
import { withoutCluster } from "../../support/kubernetes/tools.ts";

const places = [
  "/api/v1",
  "/api/v1/namespaces/prod-app",
  "/api/v1/watch",
  "/api/v1/watch/namespaces/prod-app",
  "/api/v1/%6eamespaces/prod%2Dapp",
  "/apis/apps/v1",
  "/apis/apps/v1/namespaces/prod-app",
  "/apis/rbac.authorization.k8s.io/v1/namespaces/a",
  "/apis/nothing.example/v1",
];
const rests = [
  "",
  "/",
  "/pods",
  "/pods/",
  "/pods/web",
  "/pods/web/log",
  "/pods/web/exec",
  "/pods/a%20b:c%40d",
  "/pods?watch",
  "/pods?watch=foo",
  "/pods?watch=FALSE",
  "/pods?w%61tch=0",
  "/pods?watch=",
  "/pods?fieldSelector=metadata.name%3Dweb",
  "/pods?fieldSelector=metadata.name%3D%3Dweb,spec.nodeName%3Dn&watch=1",
  "/pods?fieldSelector=metadata.name!%3Dweb",
  "/pods?fieldSelector=metadata.name%3Da%5C%2Cb",
  "/pods?fieldSelector=metadata.name%3D..",
  "/pods?fieldSelector=metadata.name%3Da,metadata.name%3Db",
  "/pods?fieldSelector=broken&watch=1",
  "/pods?fieldSelector=,metadata.name%3Dweb",
  "/namespaces",
  "/namespaces/x",
  "/namespaces/x/status",
  "/namespaces/x/finalize",
  "/namespaces/status/pods",
  "/namespaces/finalize",
  "/namespaces/x/pods/status",
  "/status",
  "/finalize",
  "/watch",
  "/watch/pods",
  "/proxy/nodes/n1",
  "/nodes/n1/proxy/pods",
];
const plain = [
  "/",
  "/api",
  "/api/",
  "/apis/apps",
  "/apis/apps/",
  "/version",
  "/healthz/ping?verbose",
  "/watch/x",
];
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/** Random mixtures of the same, always the same ones. */
const mixtures = fc.sample(
  fc.tuple(
    fc.constantFrom(...methods),
    fc.constantFrom("/api/v1", "/apis/apps/v1", "/apis/x.example/v1beta1"),
    fc.array(
      fc.constantFrom("namespaces", "watch", "pods", "status", "finalize", "a", "b-c", "%61", "log", "proxy"),
      {
        minLength: 1,
        maxLength: 6,
      },
    ),
    fc.constantFrom("", "?watch=1", "?limit=5", "?fieldSelector=metadata.name%3Da"),
  ),
  { numRuns: 300, seed: 42 },
);

const targets: readonly (readonly [string, string])[] = [
  ...methods.flatMap((method) =>
    [...plain, ...places.flatMap((place) => rests.map((rest) => place + rest))].map(
      (target) => [method, target] as const,
    ),
  ),
  ...mixtures.map(
    ([method, prefix, parts, query]) => [method, `${prefix}/${parts.join("/")}${query}`] as const,
  ),
];

suite("what we read of a request", { skip: withoutCluster() }, () => {
  let cluster: Cluster;
  before(async () => {
    cluster = await startCluster();
  });
  after(() => cluster?.stop());

  test("is what the API server reads, as it came and as it is rebuilt, by its own audit log", async (t) => {
    const read = targets.flatMap(([method, target], at) => {
      const info = parsed(method, target);
      return info ? [{ method, target, info, at }] : [];
    });
    // Without rights nothing happens, and the audit log says all the same what was asked for.
    const bare = cluster.as("bare");
    const ask = async (method: string, target: string, agent: string): Promise<void> => {
      await bare.call(method, target, { headers: { "user-agent": agent } });
    };
    for (const group of chunks(read, 20))
      await Promise.all(
        group.flatMap(({ method, target, info, at }) => [
          ask(method, target, `as-it-came-${at}`),
          ask(method, info.target, `rebuilt-${at}`),
        ]),
      );
    await cluster.auditUntil(({ userAgent }) => userAgent === `rebuilt-${read.at(-1)?.at}`);
    const events = new Map(cluster.audit().map((event) => [event.userAgent, event]));
    for (const { method, target, info, at } of read)
      for (const agent of [`as-it-came-${at}`, `rebuilt-${at}`])
        assert.deepEqual(serverRead(events.get(agent)), weRead(info), `${method} ${target} ${agent}`);
    t.diagnostic(`${read.length} of ${targets.length} targets were sent`);
    assert.ok(read.length > 500, String(read.length));
  });
});

function parsed(method: string, target: string): RequestInfo | undefined {
  try {
    return parseRequest(method, target);
  } catch (error) {
    assert.ok(error instanceof BadRequest, String(error));
    return undefined;
  }
}

function weRead({ verb, group, namespace, resource, subresource, name }: RequestInfo) {
  return {
    verb,
    group,
    namespace,
    resource,
    subresource,
    name,
  };
}

function serverRead(event: AuditEvent | undefined) {
  const {
    apiGroup = "",
    namespace = "",
    resource = "",
    subresource = "",
    name = "",
  } = event?.objectRef ?? {};
  return { verb: event?.verb, group: apiGroup, namespace, resource, subresource, name };
}

function chunks<T>(all: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) =>
    all.slice(at * size, (at + 1) * size),
  );
}
