import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { IhcError } from "../base/errors.ts";
import { parseId } from "../base/ids.ts";
import type { Principal } from "../core/access/principal.ts";
import { acceptTunnel, tunnelUpgrade } from "../tunnel/server.ts";
import type { KeepAlive } from "../tunnel/tunnel.ts";
import type { Gatekeeper } from "./gatekeeper.ts";
import type { LiveSession } from "./live-session.ts";
import type { LiveSessions } from "./live-sessions.ts";
import type { Log } from "./log.ts";

export interface TunnelParts {
  readonly gatekeeper: Gatekeeper;
  readonly live: LiveSessions;
  readonly log: Log;
  readonly keepAlive?: KeepAlive;
}

/**
 * Answers `GET /v1/tunnel/<session>` with a WebSocket for one client connection. The caller must be the one who opened the
 * session: the same person, the same MCP client or none, and the same key where tokens are bound to keys. Throws IhcError.
 */
export function tunnelUpgrades({ gatekeeper, live, log, keepAlive }: TunnelParts) {
  const upgrade = tunnelUpgrade();
  return async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    const [, text = ""] = /^\/v1\/tunnel\/([A-Z0-9a-z_]+)$/.exec(request.url ?? "") ?? [];
    const id = parseId("ses", text);
    if (request.method !== "GET" || request.headers.upgrade?.toLowerCase() !== "websocket")
      throw new IhcError("invalid", "this is not a WebSocket");
    const { principal } = await gatekeeper.identifyTunnel(request);
    const session = id === undefined ? undefined : live.get(id);
    if (!session || !opened(session, principal))
      throw new IhcError("not-found", "no such session is open", { hint: "connect again: ihc connect" });
    const ws = await upgrade.accept(request, socket, head);
    session.serve(acceptTunnel(ws, keepAlive)).catch((error: unknown) => {
      log.error({ err: error, session: id }, "a connection failed");
    });
  };
}

function opened({ state, signal }: LiveSession, caller: Principal): boolean {
  const { principal } = state.record;
  return (
    !signal.aborted &&
    principal.person === caller.person &&
    principal.issuer === caller.issuer &&
    principal.via?.name === caller.via?.name &&
    principal.key === caller.key
  );
}
