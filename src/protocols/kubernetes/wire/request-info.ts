/**
 * What a request to the API server means, by the rules of Kubernetes' RequestInfoFactory:
 *
 *   /api/{version}[/watch][/namespaces/{namespace}]/{resource}[/{name}[/{subresource}]]
 *   /apis/{group}/{version}[/watch][/namespaces/{namespace}]/{resource}[/{name}[/{subresource}]]
 *
 * and the same for `/namespaces/{name}` itself; everything else is no resource. Path and query are rebuilt from what was read
 * and only those are sent, so that the server cannot read anything else.
 * https://github.com/kubernetes/apiserver/blob/master/pkg/endpoints/request/requestinfo.go
 */
import { BadRequest } from "./bad-request.ts";
import { type ParameterTable, parameter, readParameters } from "./parameters.ts";
import { selectedName } from "./selector.ts";
import { joinPath, joinQuery, type Pair, splitTarget } from "./target.ts";

/** What a request to the API server asks for. Texts are empty where there is nothing to say. */
export interface RequestInfo {
  readonly isResource: boolean;
  /** get, list, watch, create, update, patch, delete, deletecollection; the method in lower case for non-resources. */
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  /** Of `/namespaces/{name}` too, as RequestInfoFactory has it. */
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  /** From the path, or of a list the one name that its field selector asks for. */
  readonly name: string;
  /** Rebuilt from the parsed segments. */
  readonly path: string;
  /** Rebuilt, in order, without `?`. */
  readonly query: string;
  /** path and query: what is sent. */
  readonly target: string;
  /** Whether the answer is a stream of events. */
  readonly watch: boolean;
  /** Whether the query asks for a dry run; a body may say otherwise. */
  readonly dryRun: boolean;
  /** The parameters of the query, decoded, in order. */
  readonly parameters: readonly Pair[];
}

const methods: Readonly<Record<string, string>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Reads a method and a raw request target. Throws BadRequest {rule, reason, hint} for what must not be sent. */
export function parseRequest(method: string, target: string): RequestInfo {
  const verb = Object.hasOwn(methods, method) ? methods[method] : undefined;
  if (verb === undefined)
    throw new BadRequest(
      "method",
      "the method is not known here",
      "use GET, HEAD, POST, PUT, PATCH or DELETE",
    );
  const { segments, trailing, pairs } = splitTarget(target);
  const head = apiOf(segments);
  if (!head) return plain(method, segments, pairs);
  if (trailing)
    throw new BadRequest("empty-segment", "the path ends with a slash", "leave the last slash out");
  return resource(method, verb, head, segments, pairs);
}

interface Api {
  readonly group: string;
  readonly version: string;
  readonly rest: readonly string[];
}

/** Undefined for what is no resource: too short, or not below /api or /apis. */
function apiOf(segments: readonly string[]): Api | undefined {
  const [prefix, ...parts] = segments;
  if (prefix === "api" && parts.length >= 2) {
    const [version = "", ...rest] = parts;
    return { group: "", version, rest };
  }
  if (prefix === "apis" && parts.length >= 3) {
    const [group = "", version = "", ...rest] = parts;
    return { group, version, rest };
  }
  return undefined;
}

/** Discovery, health and the like. A slash at the end of the path says nothing and is dropped. */
function plain(method: string, segments: readonly string[], pairs: readonly Pair[]): RequestInfo {
  if (method !== "GET" && method !== "HEAD")
    throw new BadRequest("non-resource-method", "only resources can be changed", "use GET here");
  const path = joinPath(segments);
  const none = { group: "", version: "", namespace: "", resource: "", subresource: "", name: "" };
  const found = { isResource: false, verb: method.toLowerCase(), ...none, watch: false, dryRun: false };
  return { ...found, ...rebuilt(path, readParameters(pairs, "plain")) };
}

function resource(
  method: string,
  verb: string,
  { group, version, rest }: Api,
  segments: readonly string[],
  raw: readonly Pair[],
): RequestInfo {
  const watched = rest[0] === "watch";
  const where = place(special(method, rest));
  const named = { group, version, ...where };
  checkNames(named);
  const collection = where.name === "";
  const asked = watched ? "watch" : (ofCollection(verb, collection, raw) ?? verb);
  // What a proxy would hand on is not read: every one of them is refused.
  const parameters = where.subresource === "proxy" ? raw : readParameters(raw, tableOf(asked, where));
  const selector = verb === "get" && collection ? parameter(parameters, "fieldSelector") : undefined;
  const dryRun = parameter(parameters, "dryRun");
  if (dryRun !== undefined && dryRun !== "All")
    throw new BadRequest("dry-run", "the only dry run there is is All", "write dryRun=All or leave it out");
  checkContinue(parameter(parameters, "continue"), where.namespace);
  return {
    isResource: true,
    verb: asked,
    ...named,
    name: (watched ? undefined : selectedName(selector ?? "")) ?? where.name,
    watch: asked === "watch",
    dryRun: dryRun === "All",
    ...rebuilt(joinPath(segments), parameters),
  };
}

/** What stands behind the version, without the old prefixes for watches and proxies. */
function special(method: string, rest: readonly string[]): readonly string[] {
  if (rest[0] === "proxy")
    throw new BadRequest(
      "proxy",
      "the gateway proxies to no pod, service or node",
      "use port-forward if you may",
    );
  if (rest[0] !== "watch") return rest;
  if (method !== "GET") throw new BadRequest("watch-method", "a watch is read with GET", "use GET");
  if (rest.length < 2)
    throw new BadRequest("unknown-path", "the path names nothing to watch", "name a resource");
  return rest.slice(1);
}

interface Place {
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
}

function place(rest: readonly string[]): Place {
  const [first, namespace = "", third] = rest;
  const inside = first === "namespaces" && third !== undefined && third !== "status" && third !== "finalize";
  const [name, subresource, more] = inside ? rest.slice(3) : rest.slice(1);
  const found = {
    namespace: first === "namespaces" ? namespace : "",
    resource: (inside ? third : first) ?? "",
    name: name ?? "",
    subresource: subresource ?? "",
  };
  if (found.subresource === "proxy") return found;
  if (more !== undefined)
    throw new BadRequest(
      "path-too-deep",
      "the path goes on behind the subresource",
      "no resource has such a path",
    );
  return found;
}

/** Kubernetes gives these no other letters, so what has them is an attempt at something else. */
function checkNames({ group, version, namespace, resource, subresource }: Place & Omit<Api, "rest">): void {
  const wrong =
    (!/^(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)?$/.test(group) && "group") ||
    (!/^v[a-z0-9]{1,62}$/.test(version) && "version") ||
    (!/^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)?$/.test(namespace) && "namespace") ||
    (!/^[a-z](?:[a-z0-9-]{0,251}[a-z0-9])?$/.test(resource) && "resource") ||
    (!/^(?:[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)?$/.test(subresource) && "subresource");
  if (wrong)
    throw new BadRequest("bad-name", `the path's ${wrong} is none`, "small letters, digits and hyphens only");
}

/** RequestInfoFactory's second look: without a name, get is list or watch and delete is deletecollection. */
function ofCollection(verb: string, collection: boolean, pairs: readonly Pair[]): string | undefined {
  if (!collection) return;
  if (verb === "delete") return "deletecollection";
  if (verb !== "get") return;
  const watch = parameter(pairs, "watch");
  return watch === undefined || ["false", "0"].includes(watch.toLowerCase()) ? "list" : "watch";
}

const streams: ReadonlySet<string> = new Set(["exec", "attach", "portforward", "log"]);

function tableOf(verb: string, { resource, subresource }: Place): ParameterTable {
  if (resource === "pods" && streams.has(subresource)) return subresource as ParameterTable;
  return verb as ParameterTable;
}

/**
 * A continue token says where in the listing to go on: base64url of `{"v":…,"rv":…,"start":"<namespace>/<name>\0"}`, without
 * the namespace when one namespace is listed. One that names another place was given for another list.
 * https://github.com/kubernetes/apiserver/blob/master/pkg/storage/continue.go
 */
function checkContinue(token: string | undefined, namespace: string): void {
  if (token === undefined || token === "") return;
  const start = startOf(token);
  if (start === undefined || (namespace !== "" && start.includes("/")) || start.split("/").includes(".."))
    throw new BadRequest("continue-token", "the continue token is not of this list", "start the list anew");
}

function startOf(token: string): string | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(token)) return;
  try {
    const value: unknown = JSON.parse(Buffer.from(token, "base64url").toString("utf8"));
    if (typeof value !== "object" || value === null || !("start" in value)) return;
    return typeof value.start === "string" ? value.start : undefined;
  } catch {
    return undefined;
  }
}

function rebuilt(path: string, parameters: readonly Pair[]) {
  const query = joinQuery(parameters);
  return { path, query, target: query === "" ? path : `${path}?${query}`, parameters };
}
