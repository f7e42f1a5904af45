import { Agent } from "node:https";
import { createSecureContext } from "node:tls";
import { systemClock } from "../../base/clock.ts";
import type { Opening, Preparation } from "../protocol.ts";
import type { SessionState } from "./exchange.ts";
import { impersonation } from "./headers.ts";
import type { KubernetesSettings } from "./settings.ts";

/** An idle connection to the API server is closed before the server does it, milliseconds: a write must not meet a dead one. */
const idle = 15_000;

/**
 * Opens a session: its certificate authority, and its own connections to the cluster. Throws IhcError `denied` for a person
 * whom Kubernetes would take for one of its own.
 */
export async function prepare(
  { id, principal, expiresAt }: Opening,
  settings: KubernetesSettings,
): Promise<Preparation<SessionState>> {
  impersonation(principal, settings, { session: id });
  // Loaded when it is needed: the CLI knows this protocol too, and signs nothing.
  const { sessionCertificate } = await import("./certificate.ts");
  const { ca, certificate, key } = await sessionCertificate(id, systemClock.now(), expiresAt);
  const agent = new Agent({ keepAlive: true, maxFreeSockets: 8, timeout: idle });
  const prepared: SessionState = {
    tls: createSecureContext({ cert: certificate, key, minVersion: "TLSv1.2" }),
    agent,
    underway: 0,
    execs: new Map(),
  };
  return { offered: { ca }, prepared, close: () => agent.destroy() };
}
