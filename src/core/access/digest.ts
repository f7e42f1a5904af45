import { type Digest, sha256 } from "../../base/bytes.ts";
import { canonicalJson, type Json, sortedJson } from "../../base/json.ts";
import type { Operation } from "../session/operation.ts";
import type { Principal } from "./principal.ts";
import type { AccessRequest } from "./request.ts";

/**
 * What an operation approval is bound to: sha256 over the canonical JSON (RFC 8785) of kind, text, parameters, target, the
 * requester's person and their MCP client. Throws TypeError on a text that has no canonical form (lone surrogates).
 */
export function operationDigest(
  op: Pick<Operation, "kind" | "text" | "parameters" | "attributes">,
  target: string,
  principal: Pick<Principal, "person" | "via">,
): Digest {
  const { kind, parameters, text, attributes } = op;
  const plain = { kind, parameters, person: principal.person, target, text, via: viaJson(principal) };
  if (attributes) return sha256(canonicalJson({ ...plain, attributes: { ...attributes } }));
  const bound = plain;
  // Every statement passes here: the short way gives the same text.
  const canonical = parameters.every(isScalar) ? sortedJson(bound) : undefined;
  return sha256(canonical ?? canonicalJson(bound));
}

function isScalar(value: Json): boolean {
  return value === null || (typeof value === "number" ? Number.isFinite(value) : typeof value !== "object");
}

/**
 * What a review is bound to: sha256 over the canonical JSON of everything the reviewer is shown and that is fixed at
 * filing. State, version and reviews are left out, so that a second reviewer names the same digest as the first.
 */
export function requestDigest(request: AccessRequest): Digest {
  return sha256(
    canonicalJson({
      id: request.id,
      kind: request.kind,
      person: request.requester.person,
      name: wellFormed(request.requester.name),
      via: viaJson(request.requester),
      target: request.target,
      effects: request.effects,
      reason: wellFormed(request.reason),
      incident: request.incident === undefined ? null : wellFormed(request.incident),
      duration: request.duration,
      breakGlass: request.breakGlass,
      rule: request.rule,
      slots: request.slots.map(({ group, people }) => ({ group, people })),
      policyVersion: request.policyVersion,
      operation: request.operation?.digest ?? null,
      session: request.operation?.session ?? null,
      createdAt: request.createdAt.toISOString(),
    }),
  );
}

function viaJson(principal: Pick<Principal, "via">): Json {
  return principal.via
    ? { name: wellFormed(principal.via.name), version: wellFormed(principal.via.version) }
    : null;
}

/** Free text may hold lone surrogates, which have no canonical form; the digest covers what is shown in their place. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}
