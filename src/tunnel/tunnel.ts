import type { Agent } from "node:https";
import type { Duplex } from "node:stream";

/**
 * A tunnel carries one client connection from the local agent to the gateway. Today each has a WebSocket of its own; the
 * interface does not show it. Binary frames carry bytes, the text frame `{"t":"eof"}` a half-close, `{"t":"end","reason":…}`
 * the gateway's reason for ending. Both Duplexes propagate back-pressure and half-close, and set TCP_NODELAY.
 */
export interface TunnelEnd {
  readonly stream: Duplex;
  /** Resolves when the tunnel is over, with the gateway's reason when it gave one. */
  readonly ended: Promise<string | undefined>;
}

/** The gateway's side, which may end the tunnel and say why. */
export interface ServerTunnelEnd extends TunnelEnd {
  /** Sends the reason behind all bytes written so far and closes; a peer that does not read is cut off after a moment. */
  end(reason: string): void;
}

/** What the local agent needs to open a tunnel: `headers` carry the token and a fresh DPoP proof, never the URL. */
export interface OpenTunnel {
  readonly url: URL;
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  /** Makes the connection, and knows which certificate authorities count; the system's when not given. */
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
}

/** When a silent peer counts as dead, milliseconds. */
export interface KeepAlive {
  readonly pingEvery: number;
  readonly deadAfter: number;
}

export const keepAlive: KeepAlive = { pingEvery: 15_000, deadAfter: 60_000 };

/** The largest WebSocket message that either side accepts. Senders stay below. */
export const maxPayload = 1024 * 1024;
