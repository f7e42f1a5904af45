import { IhcError } from "../base/errors.ts";
import { isIdPrefix, parseId, type SessionId } from "../base/ids.ts";
import type { OpenStore } from "../storage/open.ts";

/** A session in the gateway's own store, by its id or a unique beginning. Throws IhcError `not-found`, `conflict`. */
export async function findSession(store: OpenStore, text: string): Promise<SessionId> {
  const id = parseId("ses", text);
  if (id !== undefined) return id;
  const found = isIdPrefix("ses", text) ? await store.sessions.list({ prefix: text, limit: 2 }) : [];
  const [only] = found;
  if (only === undefined) throw new IhcError("not-found", "no such session", { hint: "see ihc sessions" });
  if (found.length > 1)
    throw new IhcError("conflict", "several sessions begin like that", { hint: "give more of the id" });
  return only.id;
}
