import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { BadRequest } from "../../../../src/protocols/kubernetes/wire/bad-request.ts";
import { parseRequest } from "../../../../src/protocols/kubernetes/wire/request-info.ts";

suite("any request target", () => {
  const piece = fc.constantFrom(
    "api",
    "apis",
    "v1",
    "apps",
    "namespaces",
    "watch",
    "proxy",
    "prod-app",
    "pods",
    "secrets",
    "web",
    "exec",
    "log",
    "status",
    "finalize",
    "%2F",
    "%2f",
    "%5c",
    "..",
    ".",
    "%2e%2e",
    "",
    "%00",
    "%ff",
    "a%20b",
    "ä",
    "%c3%a4",
    ":",
    "\\",
    "%25",
    "+",
    "@",
    "system:x",
    "*",
    "~",
    "a=b",
    "a&b",
    "a'(b)!",
    "%70ods",
  );
  const word = fc.constantFrom(
    "watch",
    "w%61tch",
    "dryRun",
    "command",
    "All",
    "0",
    "1",
    "true",
    "a",
    "",
    "%26",
    "+",
    ";",
    "=",
    "%3D",
  );
  const target = fc
    .tuple(
      fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 9 }),
      fc.array(fc.tuple(word, fc.constantFrom("=", "", "=="), word), { maxLength: 3 }),
    )
    .map(
      ([path, query]) =>
        `/${path.join("/")}${query.length ? `?${query.map((q) => q.join("")).join("&")}` : ""}`,
    );
  const method = fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD");

  test("what is rebuilt is read as the same again, and is rebuilt as itself", () => {
    fc.assert(
      fc.property(method, target, (verb, raw) => {
        const info = attempt(verb, raw);
        if (info) assert.deepEqual(parseRequest(verb, info.target), info);
      }),
      { numRuns: 20_000 },
    );
  });

  test("is never accepted when the API server would read it differently", () => {
    fc.assert(
      fc.property(method, target, (verb, raw) => {
        const info = attempt(verb, raw);
        if (!info) return;
        const { isResource, namespace, resource, subresource } = info;
        const server = serverReads(verb, info.target);
        assert.deepEqual({ isResource, verb: info.verb, namespace, resource, subresource }, server);
        assert.deepEqual(serverReads(verb, withoutLastSlash(raw)), server);
        assert.match(info.target, /^\/[!-~]*$/);
        assert.doesNotMatch(info.path, /%2f|%5c|%00|\/\/|\/\.{1,2}(\/|$)|\\/i);
      }),
      { numRuns: 20_000 },
    );
  });

  test("ends in an answer or a refusal, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
        attempt("GET", text);
        attempt("GET", `/api/v1/namespaces/a/${text}`);
        attempt("GET", `/api/v1/pods?${text}`);
      }),
    );
  });
});

function attempt(method: string, target: string) {
  try {
    return parseRequest(method, target);
  } catch (error) {
    assert.ok(error instanceof BadRequest, String(error));
    return undefined;
  }
}

/** The API server's own reading, written down a second time and without any refusal, to compare with. */
function serverReads(method: string, target: string) {
  const [path = "", query = ""] = target.split(/\?(.*)/s);
  const parts = decodeURIComponent(path)
    .replace(/^\/+|\/+$/g, "")
    .split("/");
  const prefix = { api: 2, apis: 3 }[parts[0] ?? ""] ?? Number.POSITIVE_INFINITY;
  if (parts.length <= prefix)
    return { isResource: false, verb: method.toLowerCase(), namespace: "", resource: "", subresource: "" };
  const special = parts[prefix] === "watch" || parts[prefix] === "proxy" ? parts[prefix] : undefined;
  const rest = parts.slice(special ? prefix + 1 : prefix);
  const [resource = "", name = "", subresource = ""] = insideNamespace(rest) ? rest.slice(2) : rest;
  const verb = special ?? ofMethod(method, name, query);
  return {
    isResource: true,
    verb,
    namespace: rest[0] === "namespaces" ? (rest[1] ?? "") : "",
    resource,
    subresource,
  };
}

function insideNamespace(rest: readonly string[]): boolean {
  return rest[0] === "namespaces" && rest.length > 2 && rest[2] !== "status" && rest[2] !== "finalize";
}

function ofMethod(method: string, name: string, query: string): string {
  const verbs: Record<string, string> = { POST: "create", PUT: "update", PATCH: "patch" };
  if (method === "DELETE") return name === "" ? "deletecollection" : "delete";
  if (name !== "" || (method !== "GET" && method !== "HEAD")) return verbs[method] ?? "get";
  const [watch] = new URLSearchParams(query).getAll("watch");
  return watch === undefined || /^(?:false|0)$/i.test(watch) ? "list" : "watch";
}

function withoutLastSlash(target: string): string {
  return target.replace(/^([^?]+)\/(?=\?|$)/, "$1");
}
