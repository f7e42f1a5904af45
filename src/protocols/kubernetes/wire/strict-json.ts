import type { Json } from "../../../base/json.ts";
import { BadRequest } from "./bad-request.ts";

/** Deeper than any object of Kubernetes', and shallow enough to walk by recursion. */
const deepest = 200;

/**
 * Reads the JSON of a request body. Throws BadRequest for what two readers could understand differently: a member that is
 * there twice, a byte order mark, bytes that are no UTF-8, a second value behind the first.
 */
export function parseBody(bytes: Uint8Array): { readonly text: string; readonly value: Json } {
  const text = decodeBody(bytes);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new BadRequest("unreadable-body", "the body is no JSON", "send one JSON object");
  }
  checkMembers(text);
  return { text, value };
}

/** Throws BadRequest for bytes that are no UTF-8, or that begin with a byte order mark. */
export function decodeBody(bytes: Uint8Array): string {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    if (!text.startsWith("\ufeff")) return text;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  throw new BadRequest(
    "unreadable-body",
    "the body is no plain UTF-8",
    "send UTF-8 without a byte order mark",
  );
}

/** `text` is JSON already, so only strings, brackets and commas matter. */
function checkMembers(text: string): void {
  /** Of each open object the members so far; nothing for an array. */
  const open: (Set<string> | undefined)[] = [];
  let key = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      if (key) addMember(open.at(-1), text.slice(at, end));
      key = false;
      at = end - 1;
    } else if (isMark(character)) key = atMark(open, character);
  }
}

type Mark = "{" | "[" | "}" | "]" | ",";

function isMark(character: string | undefined): character is Mark {
  return character !== undefined && "{[}],".includes(character);
}

/** Whether the next string is the name of a member. */
function atMark(open: (Set<string> | undefined)[], mark: Mark): boolean {
  if (mark === ",") return open.at(-1) !== undefined;
  if (mark === "}" || mark === "]") {
    open.pop();
    return false;
  }
  open.push(mark === "{" ? new Set() : undefined);
  if (open.length > deepest)
    throw new BadRequest("unreadable-body", "the body is nested too deeply", "send a flatter object");
  return mark === "{";
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; ; at++) {
    const character = text.charCodeAt(at);
    if (character === 0x22) return at + 1;
    if (character === 0x5c) at++;
  }
}

function addMember(members: Set<string> | undefined, raw: string): void {
  const name = String(JSON.parse(raw));
  if (members?.has(name))
    throw new BadRequest("ambiguous-body", "a member stands twice in an object of the body", "write it once");
  members?.add(name);
}
