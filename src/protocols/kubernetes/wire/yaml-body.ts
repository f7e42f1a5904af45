/**
 * YAML bodies, made into the JSON that is sent instead: the API server's reader speaks YAML 1.1, so what 1.1 and 1.2 read
 * differently is refused, as are anchors, aliases, tags and merge keys, which could make much of little (CVE-2019-11253).
 */
import {
  isAlias,
  isCollection,
  isMap,
  isNode,
  isScalar,
  parseDocument,
  Scalar,
  visit,
  type YAMLMap,
} from "yaml";
import type { Json } from "../../../base/json.ts";
import { BadRequest } from "./bad-request.ts";

/** kubectl and client libraries send JSON; YAML comes from people's hands. Bytes. */
const longest = 128 * 1024;

/** Reads one YAML document. Throws BadRequest. */
export function parseYaml(text: string): Json {
  if (text.length > longest)
    throw new BadRequest("yaml-too-long", "the YAML body is too long", "send it as JSON, as kubectl does");
  if (/^%|^---\s+\S|\t|^\.\.\.$/m.test(text) || nesting(text) > 100) throw unclear();
  try {
    const document = parseDocument(text, {
      version: "1.2",
      schema: "core",
      merge: false,
      uniqueKeys: false,
      stringKeys: true,
      strict: true,
      prettyErrors: false,
      logLevel: "silent",
    });
    if (document.errors.length > 0 || document.warnings.length > 0) throw unclear();
    visit(document, (_key, node) => check(node));
    return document.toJS({ maxAliasCount: 0 }) as Json;
  } catch (error) {
    if (error instanceof BadRequest) throw error;
    // The parser recurses; its own errors are in `errors`.
    throw unclear();
  }
}

/** An upper bound of how deep flow collections and compact sequences go. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [mark] of text.matchAll(/[[{\]}]/g)) {
    depth = mark === "[" || mark === "{" ? depth + 1 : Math.max(0, depth - 1);
    deepest = Math.max(deepest, depth);
  }
  for (const [dashes] of text.matchAll(/^(?: *[-?:] +)+/gm)) deepest = Math.max(deepest, dashes.length / 2);
  return deepest;
}

function check(node: unknown): void {
  if (isAlias(node)) throw unclear();
  if (!isNode(node)) return;
  if (
    node.tag !== undefined ||
    (isScalar(node) || isCollection(node) ? node.anchor : undefined) !== undefined
  )
    throw unclear();
  if (isMap(node)) checkKeys(node);
  if (isScalar(node)) checkScalar(node);
}

/** The parser's own check takes the square of their number. */
function checkKeys({ items }: YAMLMap): void {
  const keys = new Set(items.map(({ key }) => (isScalar(key) ? key.value : undefined)));
  if (keys.size < items.length || keys.has(undefined) || keys.has("<<")) throw unclear();
}

function checkScalar({ type, source = "", value }: Scalar): void {
  if (typeof value === "number" && !Number.isSafeInteger(value) && !isShort(source)) throw unclear();
  if (type === Scalar.PLAIN && inOldWords.test(source)) throw unclear();
}

/** What YAML 1.1 takes for a boolean, a number in another base, a time, or a default. */
const inOldWords =
  /^(?:y|n|yes|no|on|off|=|[-+]?0[0-9_]+|[-+]?0[xob].*|[-+]?[0-9][0-9_]*_[0-9_]*(?:\..*)?|[-+]?[0-9]+(?::[0-9.]+)+|\d{4}-\d\d?-\d\d?.*|[-+]?\.(?:inf|nan))$/i;

/** A fraction that a double holds as it is written. */
function isShort(source: string): boolean {
  return /^-?\d{1,9}\.\d{1,6}$/.test(source);
}

function unclear(): BadRequest {
  return new BadRequest(
    "unclear-yaml",
    "the body is no YAML that everybody reads alike",
    "send JSON, or leave out anchors, tags and tabs and quote words such as yes and 0777",
  );
}
