/**
 * JSON patches (RFC 6902) say where to change what is there, so they can tell about it: `test` answers whether a guess is
 * right, `copy` and `move` take a value to where it is shown, and who renames the variable `DB_PASSWORD` keeps its value and
 * loses the name by which it is masked. Merge patches can do none of these.
 */
import type { Json } from "../../base/json.ts";
import { BadRequest } from "./wire/bad-request.ts";
import type { RequestInfo } from "./wire/request-info.ts";

/** Throws BadRequest for a patch that is none, or that could show or confirm what is masked. */
export function checkJsonPatch(info: Pick<RequestInfo, "group" | "resource">, value: Json): void {
  if (info.group === "" && (info.resource === "secrets" || info.resource === "configmaps"))
    throw new BadRequest(
      "json-patch-secret",
      "a JSON patch could test or copy what is masked",
      "use a merge patch: kubectl patch --type merge",
    );
  if (!Array.isArray(value)) throw noPatch();
  for (const one of value) checkOperation(operationOf(one));
}

interface PatchOperation {
  readonly op: string;
  /** Of the path, decoded, in lower case. */
  readonly segments: readonly string[];
  readonly value: Json;
}

const operations: ReadonlySet<Json> = new Set(["add", "remove", "replace", "test", "copy", "move"]);

function operationOf(one: Json): PatchOperation {
  if (typeof one !== "object" || one === null || Array.isArray(one)) throw noPatch();
  const { op, path, value = null } = one as { readonly [key: string]: Json };
  if (typeof op !== "string" || !operations.has(op) || typeof path !== "string") throw noPatch();
  if (path !== "" && !path.startsWith("/")) throw noPatch();
  return { op, segments: segmentsOf(path), value };
}

/** The members that a JSON pointer (RFC 6901) goes through, in lower case. */
export function segmentsOf(path: string): readonly string[] {
  return path
    .split("/")
    .slice(1)
    .map((one) => one.replaceAll("~1", "/").replaceAll("~0", "~").toLowerCase());
}

function checkOperation({ op, segments, value }: PatchOperation): void {
  if (op === "copy" || op === "move")
    throw new BadRequest(
      "json-patch-copy",
      "copying inside an object could take a masked value to where it is shown",
      "write the value itself",
    );
  if (op === "test" && !isTestable(segments, value))
    throw new BadRequest(
      "json-patch-test",
      "testing a value would tell whether a guess at what is masked is right",
      "leave the test out, or test metadata/resourceVersion, a name, an image or replicas",
    );
  if (op !== "test" && renames(segments))
    throw new BadRequest(
      "json-patch-rename",
      "an entry that gets another name keeps a value that was masked by its old one",
      "use kubectl patch without --type json, or replace the whole entry",
    );
}

/** What no rule masks, and what clients test: which object it is, and which of a list. */
const testable: ReadonlySet<string> = new Set(["name", "image", "replicas", "kind", "apiversion"]);
const identity = /^\/metadata\/(?:resourceversion|generation|uid|name|namespace|labels\/[^/]+)$/;

function isTestable(segments: readonly string[], value: Json): boolean {
  if (typeof value === "object" && value !== null) return false;
  const inData = segments.some((one) => ["data", "annotations", "env"].includes(one));
  if (testable.has(segments.at(-1) ?? "")) return !inData || segments.at(-1) === "name";
  return identity.test(`/${segments.map((one) => one.replaceAll("/", "~1")).join("/")}`);
}

/** Lists whose entries are no pairs of name and value. */
const valueless: ReadonlySet<string> = new Set([
  "containers",
  "initcontainers",
  "imagepullsecrets",
  "secrets",
  "volumes",
  "volumemounts",
  "ports",
  "subjects",
]);

/** Whether the path is the name of an entry of a list; indices are read as Go's Atoi does. */
function renames(segments: readonly string[]): boolean {
  const [list = "", index = "", last] = segments.slice(-3);
  return last === "name" && /^[+-]?\d+$/.test(index) && !valueless.has(list);
}

function noPatch(): BadRequest {
  return new BadRequest("unreadable-body", "the body is no JSON patch", "send a list of operations");
}
