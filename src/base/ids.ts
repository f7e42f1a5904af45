import { randomBytes } from "node:crypto";
import type { Brand } from "./brand.ts";

export type RequestId = Brand<string, "RequestId">;
export type GrantId = Brand<string, "GrantId">;
export type SessionId = Brand<string, "SessionId">;
export type ConnectionId = Brand<string, "ConnectionId">;
export type OperationId = Brand<string, "OperationId">;

interface Ids {
  readonly req: RequestId;
  readonly gra: GrantId;
  readonly ses: SessionId;
  readonly con: ConnectionId;
  readonly op: OperationId;
}

/** Crockford's base 32: no I, L, O, U, so an id read out over the phone stays right. */
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const length = 12;

/** A new id of 60 random bits with its kind as prefix, such as `req_7Q2M4KXW9D3F`. */
export function newId<Kind extends keyof Ids>(kind: Kind): Ids[Kind] {
  const random = randomBytes(length);
  let text = "";
  for (const byte of random) text += alphabet[byte & 31];
  return `${kind}_${text}` as string as Ids[Kind];
}

/** Reads an id that came from outside; undefined when it is not one of that kind, whole. */
export function parseId<Kind extends keyof Ids>(kind: Kind, text: string): Ids[Kind] | undefined {
  return isId(kind, text, length) ? (text as string as Ids[Kind]) : undefined;
}

/** Whether `text` may be the beginning of an id of that kind: the prefix and at least one more character. */
export function isIdPrefix(kind: keyof Ids, text: string): boolean {
  return isId(kind, text, 1);
}

function isId(kind: keyof Ids, text: string, least: number): boolean {
  const rest = text.startsWith(`${kind}_`) ? text.slice(kind.length + 1) : "";
  return rest.length >= least && rest.length <= length && [...rest].every((c) => alphabet.includes(c));
}
