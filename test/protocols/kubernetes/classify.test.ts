import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Effect } from "../../../src/core/session/operation.ts";
import { classified } from "./requests.ts";

const ws = { headers: { upgrade: "websocket" } };
const rbac = "/apis/rbac.authorization.k8s.io/v1";
const hooks = "/apis/admissionregistration.k8s.io/v1";
const csr = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

suite("what a request does", () => {
  const table: readonly [line: string, effect: Effect, verb: string, traits: string, refusal?: string][] = [
    ["GET /api/v1/namespaces/a/pods", "read", "list", ""],
    ["GET /api/v1/namespaces/a/pods?watch", "read", "watch", "watch"],
    ["GET /api/v1/pods", "read", "list", "all-namespaces"],
    ["GET /api/v1/namespaces/a/pods?labelSelector=a%3Db", "read", "list", "selector"],
    ["GET /api/v1/nodes", "read", "list", "cluster-scoped"],
    ["GET /api/v1/namespaces/a/secrets/x", "read", "get", "secret"],
    ["GET /api/v1/namespaces/a/pods/web/log?follow", "read", "get", "log"],
    ["DELETE /api/v1/namespaces/a/pods/x", "destroy", "delete", ""],
    ["DELETE /api/v1/namespaces/a/pods", "destroy", "deletecollection", "deletecollection"],
    ["DELETE /api/v1/pods", "destroy", "deletecollection", "deletecollection all-namespaces"],
    ["DELETE /api/v1/namespaces/a", "destroy", "delete", "cluster-scoped namespace-delete"],
    ["DELETE /api/v1/nodes/n1", "admin", "delete", "cluster-scoped"],
    ["DELETE /api/v1/namespaces/a/pods/x?dryRun=All", "destroy", "delete", "dry-run"],
    ["GET /api/v1/nodes/n1/proxy/run/a/web/c?cmd=id", "unknown", "proxy", "proxy cluster-scoped", "proxy"],
    ["POST /api/v1/namespaces/a/services/x/proxy", "unknown", "proxy", "proxy", "proxy"],
    ["GET /api/v1/namespaces/a/pods/x/proxy/a/b", "unknown", "proxy", "proxy", "proxy"],
    [
      "PATCH /api/v1/namespaces/a/pods/x/ephemeralcontainers",
      "admin",
      "ephemeralcontainers",
      "ephemeralcontainers",
      "ephemeral-containers",
    ],
    ["GET /api/v1/namespaces/a/pods/x/ephemeralcontainers", "read", "get", ""],
    ["POST /api/v1/namespaces/a/serviceaccounts/x/token", "admin", "token", "token-request", "token-request"],
    ["POST /api/v1/namespaces/a/pods/x/eviction", "destroy", "evict", "eviction"],
    ["POST /api/v1/namespaces/a/pods/x/binding", "admin", "create", "binding"],
    ["POST /api/v1/namespaces/a/bindings", "admin", "create", "binding"],
    ["PUT /api/v1/namespaces/a/finalize", "admin", "update", "finalize cluster-scoped"],
    [`POST ${rbac}/namespaces/a/rolebindings`, "admin", "create", "bind"],
    [`PATCH ${rbac}/clusterrolebindings/x`, "admin", "patch", "bind cluster-scoped"],
    [`PUT ${rbac}/namespaces/a/roles/x`, "admin", "update", "escalate"],
    [`GET ${rbac}/clusterroles`, "read", "list", "cluster-scoped"],
    [`POST ${hooks}/mutatingwebhookconfigurations`, "admin", "create", "webhook cluster-scoped"],
    [`DELETE ${hooks}/validatingadmissionpolicies/x`, "admin", "delete", "webhook cluster-scoped"],
    [`POST ${csr}`, "admin", "create", "csr cluster-scoped"],
    [`PUT ${csr}/x/approval`, "admin", "approve", "csr-approval cluster-scoped"],
    ["POST /apis/apiregistration.k8s.io/v1/apiservices", "admin", "create", "apiservice cluster-scoped"],
    ["POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions", "admin", "create", "crd cluster-scoped"],
    ["PATCH /apis/apps/v1/namespaces/a/deployments/x/scale", "write", "patch", "scale"],
    ["PUT /apis/apps/v1/namespaces/a/deployments/x/status", "write", "update", "status"],
    [
      "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      "read",
      "create",
      "self-review cluster-scoped",
    ],
    ["GET /api", "read", "get", "discovery"],
    ["GET /apis/apps/v1?timeout=32s", "read", "get", "discovery"],
    ["GET /openapi/v3/apis/apps/v1?hash=A", "read", "get", "discovery"],
    ["GET /version", "read", "get", "discovery"],
    ["GET /readyz/poststarthook/x?verbose", "read", "get", "health"],
    ["GET /metrics", "read", "get", "custom:/metrics"],
    ["GET /debug/pprof/", "unknown", "get", "non-resource", "non-resource-path"],
    ["GET /logs/kube-apiserver.log", "unknown", "get", "non-resource", "non-resource-path"],
    ["GET /", "unknown", "get", "non-resource", "non-resource-path"],
    ["GET /apiz", "unknown", "get", "non-resource", "non-resource-path"],
    ["GET /api/v1/widgets", "read", "list", "", "unknown-resource"],
    ["GET /api/v1/namespaces/a/pods/x/shell", "read", "get", "", "unknown-resource"],
    ["GET /apis/nothing.example/v1/pods", "read", "list", "", "unknown-resource"],
    ["GET /api/v1/namespaces/a/nodes/n1", "read", "get", "cluster-scoped", "scope"],
    ["GET /api/v1/namespaces/a/namespaces/b", "read", "get", "cluster-scoped", "scope"],
    ["GET /api/v1/pods/web", "read", "get", "", "scope"],
    ["POST /api/v1/secrets", "write", "create", "secret", "scope"],
    ["POST /apis/apps/v1/deployments", "write", "create", "", "scope"],
  ];
  for (const [line, effect, verb, traits, refusal] of table)
    test(`${line} is ${effect}${refusal ? `, refused by ${refusal}` : ""}`, () => {
      const operation = classified(line);
      assert.equal(operation.effect, effect);
      assert.equal(operation.attributes?.verb, verb);
      assert.deepEqual(operation.traits.toSorted(), traits.split(" ").filter(Boolean).toSorted());
      assert.equal(operation.refusal?.rule, refusal);
      assert.equal(operation.kind, "request");
    });

  for (const [subresource, kind] of [
    ["exec", "exec"],
    ["attach", "attach"],
    ["portforward", "portforward"],
  ])
    for (const method of ["GET", "POST"])
      test(`${subresource} is its own verb by ${method}`, () => {
        const line = `${method} /api/v1/namespaces/a/pods/web/${subresource}`;
        const operation = classified(line, ws);
        assert.equal(operation.kind, kind);
        assert.equal(operation.attributes?.verb, subresource);
        assert.equal(operation.effect, "unknown");
        assert.ok(operation.traits.includes(subresource ?? ""));
        assert.equal(operation.refusal, undefined);
        assert.equal(classified(line).refusal?.rule, "websocket-only");
        assert.equal(classified(line, { headers: { upgrade: "h2c" } }).refusal?.rule, "websocket-only");
      });

  test("no other request is upgraded", () => {
    for (const path of ["/api/v1/namespaces/a/secrets?watch=1", "/api/v1/namespaces/a/pods/x/log", "/api"])
      assert.equal(classified(`GET ${path}`, ws).refusal?.rule, "upgrade");
  });

  test("policy is told the subresource with the resource, and the whole command", () => {
    const log = classified("GET /api/v1/namespaces/a/pods/web/log");
    assert.deepEqual(log.attributes, {
      verb: "get",
      group: "",
      resource: "pods/log",
      subresource: "log",
      namespace: "a",
      name: "web",
    });
    const exec = classified(
      "GET /api/v1/namespaces/a/pods/web/exec?command=sh&command=-c&command=id%20-u",
      ws,
    );
    assert.equal(exec.attributes?.command, "sh -c id -u");
    assert.equal(exec.attributes.resource, "pods/exec");
  });

  const paths: readonly (readonly [string, string])[] = [
    ["GET /api/v1/pods", "pods"],
    ["GET /api/v1/namespaces/a/pods", "a/pods"],
    ["GET /api/v1/namespaces/a/pods/web", "a/pods/web"],
    ["GET /api/v1/namespaces/a/pods/web/log", "a/pods/web/log"],
    ["GET /apis/apps/v1/namespaces/a/deployments/x", "a/deployments.apps/x"],
    ["GET /api/v1/namespaces/a", "namespaces/a"],
    ["GET /api/v1/namespaces/a/status", "namespaces/a/status"],
    ["GET /api/v1/nodes/n1", "nodes/n1"],
    ["GET /apis/apps/v1", "/apis/apps/v1"],
  ];
  for (const [line, path] of paths)
    test(`${line} touches ${path}`, () => assert.deepEqual(classified(line).resources, [path]));

  test("an approval is bound to method, target, content type and body", () => {
    const line = "PATCH /api/v1/namespaces/a/pods/x?fieldManager=k";
    const body = { metadata: { labels: { a: "b" } } };
    const operation = classified(line, { type: "application/merge-patch+json; charset=utf-8", body });
    assert.equal(operation.text, line);
    assert.deepEqual(operation.parameters, ["application/merge-patch+json", JSON.stringify(body)]);
    assert.equal(Buffer.from(operation.body ?? []).toString(), JSON.stringify(body));
    assert.equal(operation.contentType, "application/merge-patch+json");
  });

  test("a new object is known to policy by the name in its body", () => {
    const body = { kind: "Pod", metadata: { name: "web" } };
    const operation = classified("POST /api/v1/namespaces/a/pods", { body });
    assert.equal(operation.attributes?.name, "web");
    assert.deepEqual(operation.resources, ["a/pods/web"]);
  });
});
