import type { Session } from "../../core/session/session.ts";
import type { SessionState } from "./exchange.ts";
import { type Headers, impersonation } from "./headers.ts";
import type { KubernetesSettings } from "./settings.ts";

/**
 * The headers that make the cluster see the session's person, as they are now. The recording is told of them when they are
 * others than before: groups may be lost while a session goes on.
 */
export function identityOf(session: Session, settings: KubernetesSettings, state: SessionState): Headers {
  const headers = impersonation(session.principal, settings, {
    session: session.id,
    incident: session.incident,
  });
  const user = textOf(headers["Impersonate-User"]).join("");
  const groups = textOf(headers["Impersonate-Group"]);
  const identity = JSON.stringify([user, groups]);
  if (identity !== state.identity) {
    state.identity = identity;
    session.record({ type: "identity", connection: session.connection, user, groups });
  }
  return headers;
}

/** A header's bytes are UTF-8, which node:http wants one character a byte. */
function textOf(value: string | readonly string[] = []): readonly string[] {
  return [value].flat().map((one) => Buffer.from(one, "latin1").toString("utf8"));
}
