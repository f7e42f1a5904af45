import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { BadRequest } from "../../../../src/protocols/kubernetes/wire/bad-request.ts";
import { parseRequest } from "../../../../src/protocols/kubernetes/wire/request-info.ts";

type Row = readonly [
  method: string,
  target: string,
  /** verb group namespace resource subresource name, `-` for none. */
  expected: string,
  sent?: string,
];

const reads: readonly Row[] = [
  ["GET", "/api/v1/pods", "list - - pods - -"],
  ["HEAD", "/api/v1/pods", "list - - pods - -"],
  ["GET", "/api/v1/namespaces/prod-app/pods", "list - prod-app pods - -"],
  ["GET", "/api/v1/namespaces/prod-app/pods/web", "get - prod-app pods - web"],
  ["GET", "/api/v1/namespaces/prod-app/pods/web/log?follow", "get - prod-app pods log web", "follow=true"],
  ["GET", "/api/v1/namespaces", "list - - namespaces - -"],
  ["GET", "/api/v1/namespaces/prod-app", "get - prod-app namespaces - prod-app"],
  ["GET", "/api/v1/namespaces/prod-app/status", "get - prod-app namespaces status prod-app"],
  ["PUT", "/api/v1/namespaces/prod-app/finalize", "update - prod-app namespaces finalize prod-app"],
  ["GET", "/api/v1/namespaces/status/pods", "list - status pods - -"],
  ["GET", "/api/v1/nodes/n1", "get - - nodes - n1"],
  ["GET", "/apis/apps/v1/namespaces/a/deployments/x/scale", "get apps a deployments scale x"],
  ["POST", "/apis/apps/v1/namespaces/a/deployments", "create apps a deployments - -"],
  ["PUT", "/apis/apps/v1/namespaces/a/deployments/x", "update apps a deployments - x"],
  ["PATCH", "/apis/apps/v1/namespaces/a/deployments/x?force=1", "patch apps a deployments - x", "force=true"],
  ["DELETE", "/api/v1/namespaces/a/pods/x", "delete - a pods - x"],
  ["DELETE", "/api/v1/namespaces/a/pods", "deletecollection - a pods - -"],
  ["GET", "/api/v1/namespaces/a/pods?watch", "watch - a pods - -", "watch=true"],
  ["GET", "/api/v1/namespaces/a/pods?watch=foo", "watch - a pods - -", "watch=true"],
  ["GET", "/api/v1/namespaces/a/pods?watch=False", "list - a pods - -", "watch=false"],
  ["GET", "/api/v1/namespaces/a/pods?watch=0", "list - a pods - -", "watch=false"],
  ["GET", "/api/v1/watch/namespaces/a/pods", "watch - a pods - -"],
  ["GET", "/api/v1/watch/pods?watch=0", "watch - - pods - -", "watch=false"],
  ["GET", "/api/v1/watch/namespaces/a/pods/web", "watch - a pods - web"],
  ["GET", "/apis/apps/v1/watch/deployments", "watch apps - deployments - -"],
  ["GET", "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dweb", "list - a pods - web"],
  [
    "GET",
    "/api/v1/pods?fieldSelector=spec.nodeName%3Dn,metadata.name%3D%3Dweb&watch=1",
    "watch - - pods - web",
  ],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name!%3Dweb", "list - - pods - -"],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name%3D..", "list - - pods - -"],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Da%5C%2Cb", "list - - pods - a,b"],
  ["GET", "/api/v1/pods?fieldSelector=metadata.name%3Da,broken", "list - - pods - -"],
  ["DELETE", "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dx", "deletecollection - a pods - -"],
  ["GET", "/api/v1/%6eamespaces/a/pods", "list - a pods - -"],
  [
    "GET",
    "/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode",
    "get rbac.authorization.k8s.io - clusterroles - system:node",
  ],
  [
    "POST",
    "/api/v1/namespaces/a/pods/web/exec?command=sh&command=-c&command=a%0Ab&stdin=0",
    "create - a pods exec web",
    "command=sh&command=-c&command=a%0Ab&stdin=false",
  ],
  ["GET", "/api/v1/namespaces/a/pods/web/exec?command=a+b%2Bc", "get - a pods exec web", "command=a%20b%2Bc"],
  ["GET", "/api/v1/nodes/n1/proxy/run/prod-app/web/c?cmd=id", "get - - nodes proxy n1", "cmd=id"],
  ["GET", "/api/v1/namespaces/a/services/x/proxy/a/b", "get - a services proxy x"],
  ["GET", "/api/", "get - - - - -"],
  ["GET", "/apis/apps/v1/?timeout=32s", "get - - - - -", "timeout=32s"],
  ["GET", "/openapi/v3/apis/apps/v1?hash=AB", "get - - - - -", "hash=AB"],
  ["HEAD", "/version", "head - - - - -"],
  ["GET", "/", "get - - - - -"],
  ["GET", "/logs/kubelet.log", "get - - - - -"],
];

const refusals: readonly (readonly [method: string, target: string, rule: string])[] = [
  ["GET", "/api/v1/namespaces/prod-app%2fsecrets", "encoded-slash"],
  ["GET", "/api/v1/namespaces/prod-app/secrets%2Fdb-creds", "encoded-slash"],
  ["GET", "/api/v1/namespaces/prod-app/pods/web%2Fexec?command=id", "encoded-slash"],
  ["GET", "/api/v1/namespaces/prod-app/pods/web%5Cexec", "encoded-slash"],
  ["GET", "/api/v1/namespaces/prod-app/pods/web%252Fexec", "encoded-percent"],
  ["GET", "/api/v1/namespaces//secrets", "empty-segment"],
  ["GET", "//api/v1/secrets", "target-form"],
  ["GET", "/api//v1/secrets", "empty-segment"],
  ["GET", "/api/v1/namespaces/a/secrets/", "empty-segment"],
  ["GET", "/api/v1/namespaces/a/secrets//", "empty-segment"],
  ["GET", "/version//", "empty-segment"],
  ["GET", "/api/v1/namespaces/a/pods/../secrets", "dot-segment"],
  ["GET", "/api/v1/namespaces/a/pods/./x", "dot-segment"],
  ["GET", "/api/v1/namespaces/a/pods/%2e%2E/secrets", "dot-segment"],
  ["GET", "/api/v1/namespaces/a/pods/.%2e/secrets", "dot-segment"],
  ["GET", "/api/v1/namespaces/a\\secrets", "target-characters"],
  ["GET", "/api/v1/pods#x", "target-characters"],
  ["GET", "/api/v1/pods /x", "target-characters"],
  ["GET", "/api/v1/pöds", "target-characters"],
  ["GET", "/api/v1/pods\r\nx: y", "target-characters"],
  ["GET", "/api/v1/pods/a%00b", "control-character"],
  ["GET", "/api/v1/pods/a%0d%0ab", "control-character"],
  ["GET", "/api/v1/pods/a%e2%80%aeb", "control-character"],
  ["GET", "/api/v1/pods/a%ff", "bad-encoding"],
  ["GET", "/api/v1/pods/a%c0%af", "bad-encoding"],
  ["GET", "/api/v1/pods/a%2", "bad-encoding"],
  ["GET", "/api/v1/pods/a%zz", "bad-encoding"],
  ["GET", "http://evil.example/api/v1/pods", "target-form"],
  ["GET", "https:/api/v1/pods", "target-form"],
  ["OPTIONS", "*", "method"],
  ["CONNECT", "evil.example:443", "method"],
  ["TRACE", "/", "method"],
  ["get", "/api/v1/pods", "method"],
  ["constructor", "/api/v1/pods", "method"],
  ["GET", "*", "target-form"],
  ["GET", "", "target-form"],
  ["GET", "/api/v1/namespaces/a/pods?watch=0&watch=1", "repeated-parameter"],
  ["GET", "/api/v1/namespaces/a/pods?w%61tch=0&watch=1", "repeated-parameter"],
  ["DELETE", "/api/v1/namespaces/a/pods/x?dryRun=All&dryRun=All", "repeated-parameter"],
  ["GET", "/api/v1/pods?fieldSelector=a&fieldSelector=b", "repeated-parameter"],
  ["DELETE", "/api/v1/namespaces/a/pods/x?dryRun=all", "dry-run"],
  ["DELETE", "/api/v1/namespaces/a/pods/x?dryRun", "dry-run"],
  ["GET", "/api/v1/namespaces/a/pods?a=1;watch=1", "raw-semicolon"],
  ["GET", "/api/v1/namespaces/a/pods?Watch=1", "unknown-parameter"],
  ["GET", "/api/v1/namespaces/a/pods?=1", "empty-parameter"],
  ["GET", "/api/v1/namespaces/a/pods?limit=1e3", "bad-parameter"],
  ["GET", "/api/v1/namespaces/a/pods?labelSelector=a%0ab", "control-character"],
  ["GET", "/api/v1/namespaces/a/pods?labelSelector=%ff", "bad-encoding"],
  ["GET", "/api/v1/namespaces/a/pods/x/exec?command=a%00b", "control-character"],
  ["GET", "/api/v1/namespaces/PROD-APP/pods", "bad-name"],
  ["GET", "/api/v1/Pods", "bad-name"],
  ["GET", "/api/V1/pods", "bad-name"],
  ["GET", "/apis/Apps/v1/deployments", "bad-name"],
  ["GET", "/api/v1/namespaces/a/pods/x/EXEC", "bad-name"],
  ["GET", "/api/v1/namespaces/a/pods/x/exec/y", "path-too-deep"],
  ["GET", "/api/v1/proxy/nodes/n1", "proxy"],
  ["GET", "/api/v1/watch", "unknown-path"],
  ["POST", "/api/v1/watch/pods", "watch-method"],
  ["POST", "/api", "non-resource-method"],
  ["GET", `/api/v1/pods?continue=${token("prod-app/web\0")}x!`, "continue-token"],
  ["GET", `/api/v1/namespaces/a/pods?continue=${token("prod-app/web\0")}`, "continue-token"],
  ["GET", `/api/v1/namespaces/a/pods?continue=${token("../b/web\0")}`, "continue-token"],
  ["GET", "/api/v1/pods?continue=bm9uc2Vuc2U", "continue-token"],
];

suite("the request target", () => {
  for (const [method, target, expected, query] of reads)
    test(`${method} ${target} is ${expected}`, () => {
      const info = parseRequest(method, target);
      const { verb, group, namespace, resource, subresource, name } = info;
      const texts = [verb, group, namespace, resource, subresource, name].map((text) => text || "-");
      assert.equal(texts.join(" "), expected);
      if (query !== undefined) assert.equal(info.query, query);
      assert.equal(info.watch, verb === "watch");
    });

  for (const [method, target, rule] of refusals)
    test(`${method} ${JSON.stringify(target)} is refused by ${rule}`, () => {
      assert.throws(
        () => parseRequest(method, target),
        (error: unknown) => {
          assert.ok(error instanceof BadRequest);
          assert.equal(error.rule, rule);
          assert.match(error.reason, /^[^A-Z].*[^.]$/);
          return error.hint !== "";
        },
      );
    });

  test("a continue token of the same list passes", () => {
    const inside = parseRequest("GET", `/api/v1/namespaces/a/pods?limit=5&continue=${token("web\0")}`);
    assert.equal(inside.verb, "list");
    assert.equal(parseRequest("GET", `/api/v1/pods?continue=${token("a/web\0")}`).verb, "list");
  });

  test("what is sent holds no trailing slash and names each thing in one way", () => {
    assert.equal(parseRequest("GET", "/api/v1/?").target, "/api/v1");
    assert.equal(parseRequest("GET", "/api/v1/%70ods?&watch&").target, "/api/v1/pods?watch=true");
    assert.equal(parseRequest("GET", "/api/v1/pods/a%20b%3ac").path, "/api/v1/pods/a%20b:c");
  });

  test("the old watch path watches whatever the query says", () => {
    assert.equal(parseRequest("GET", "/api/v1/watch/secrets?watch=false").watch, true);
  });
});

function token(start: string): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: 5, start })).toString("base64url");
}
